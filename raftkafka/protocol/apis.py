"""The API keys of Kafka's protocol, and the tables behind those that we know.

What a broker offers is not decided here: it advertises the APIs that it has a handler for.
Source: Kafka class ``ApiKeys``.
"""

from __future__ import annotations

from enum import IntEnum
from importlib import import_module
from typing import NamedTuple, cast

from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.protocol.layout import parse_versions
from raftkafka.protocol.schema import Request, Response


class ApiKey(IntEnum):
    """Every API key up to Kafka 4.3, those between brokers and controllers too."""

    PRODUCE = 0
    FETCH = 1
    LIST_OFFSETS = 2
    METADATA = 3
    LEADER_AND_ISR = 4
    STOP_REPLICA = 5
    UPDATE_METADATA = 6
    CONTROLLED_SHUTDOWN = 7
    OFFSET_COMMIT = 8
    OFFSET_FETCH = 9
    FIND_COORDINATOR = 10
    JOIN_GROUP = 11
    HEARTBEAT = 12
    LEAVE_GROUP = 13
    SYNC_GROUP = 14
    DESCRIBE_GROUPS = 15
    LIST_GROUPS = 16
    SASL_HANDSHAKE = 17
    API_VERSIONS = 18
    CREATE_TOPICS = 19
    DELETE_TOPICS = 20
    DELETE_RECORDS = 21
    INIT_PRODUCER_ID = 22
    OFFSET_FOR_LEADER_EPOCH = 23
    ADD_PARTITIONS_TO_TXN = 24
    ADD_OFFSETS_TO_TXN = 25
    END_TXN = 26
    WRITE_TXN_MARKERS = 27
    TXN_OFFSET_COMMIT = 28
    DESCRIBE_ACLS = 29
    CREATE_ACLS = 30
    DELETE_ACLS = 31
    DESCRIBE_CONFIGS = 32
    ALTER_CONFIGS = 33
    ALTER_REPLICA_LOG_DIRS = 34
    DESCRIBE_LOG_DIRS = 35
    SASL_AUTHENTICATE = 36
    CREATE_PARTITIONS = 37
    CREATE_DELEGATION_TOKEN = 38
    RENEW_DELEGATION_TOKEN = 39
    EXPIRE_DELEGATION_TOKEN = 40
    DESCRIBE_DELEGATION_TOKEN = 41
    DELETE_GROUPS = 42
    ELECT_LEADERS = 43
    INCREMENTAL_ALTER_CONFIGS = 44
    ALTER_PARTITION_REASSIGNMENTS = 45
    LIST_PARTITION_REASSIGNMENTS = 46
    OFFSET_DELETE = 47
    DESCRIBE_CLIENT_QUOTAS = 48
    ALTER_CLIENT_QUOTAS = 49
    DESCRIBE_USER_SCRAM_CREDENTIALS = 50
    ALTER_USER_SCRAM_CREDENTIALS = 51
    VOTE = 52
    BEGIN_QUORUM_EPOCH = 53
    END_QUORUM_EPOCH = 54
    DESCRIBE_QUORUM = 55
    ALTER_PARTITION = 56
    UPDATE_FEATURES = 57
    ENVELOPE = 58
    FETCH_SNAPSHOT = 59
    DESCRIBE_CLUSTER = 60
    DESCRIBE_PRODUCERS = 61
    BROKER_REGISTRATION = 62
    BROKER_HEARTBEAT = 63
    UNREGISTER_BROKER = 64
    DESCRIBE_TRANSACTIONS = 65
    LIST_TRANSACTIONS = 66
    ALLOCATE_PRODUCER_IDS = 67
    CONSUMER_GROUP_HEARTBEAT = 68
    CONSUMER_GROUP_DESCRIBE = 69
    CONTROLLER_REGISTRATION = 70
    GET_TELEMETRY_SUBSCRIPTIONS = 71
    PUSH_TELEMETRY = 72
    ASSIGN_REPLICAS_TO_DIRS = 73
    LIST_CONFIG_RESOURCES = 74
    DESCRIBE_TOPIC_PARTITIONS = 75
    SHARE_GROUP_HEARTBEAT = 76
    SHARE_GROUP_DESCRIBE = 77
    SHARE_FETCH = 78
    SHARE_ACKNOWLEDGE = 79
    ADD_RAFT_VOTER = 80
    REMOVE_RAFT_VOTER = 81
    UPDATE_RAFT_VOTER = 82
    INITIALIZE_SHARE_GROUP_STATE = 83
    READ_SHARE_GROUP_STATE = 84
    WRITE_SHARE_GROUP_STATE = 85
    DELETE_SHARE_GROUP_STATE = 86
    READ_SHARE_GROUP_STATE_SUMMARY = 87
    STREAMS_GROUP_HEARTBEAT = 88
    STREAMS_GROUP_DESCRIBE = 89
    DESCRIBE_SHARE_GROUP_OFFSETS = 90
    ALTER_SHARE_GROUP_OFFSETS = 91
    DELETE_SHARE_GROUP_OFFSETS = 92


class Api(NamedTuple):
    """One API that has a table."""

    module: str
    """Of ``raftkafka.protocol.messages``."""
    flexible_since: int | None
    """The first version with tagged fields in its header (KIP-482); None: there is none yet.

    Said here as well as in the table, so that a header can be read before it is loaded.
    """


APIS: dict[int, Api] = {
    ApiKey.PRODUCE: Api("produce", 9),
    ApiKey.FETCH: Api("fetch", 12),
    ApiKey.LIST_OFFSETS: Api("list_offsets", 6),
    ApiKey.METADATA: Api("metadata", 9),
    ApiKey.OFFSET_COMMIT: Api("offsets", 8),
    ApiKey.OFFSET_FETCH: Api("offsets", 6),
    ApiKey.FIND_COORDINATOR: Api("coordinators", 3),
    ApiKey.JOIN_GROUP: Api("groups", 6),
    ApiKey.HEARTBEAT: Api("groups", 4),
    ApiKey.LEAVE_GROUP: Api("groups", 4),
    ApiKey.SYNC_GROUP: Api("groups", 4),
    ApiKey.DESCRIBE_GROUPS: Api("group_admin", 5),
    ApiKey.LIST_GROUPS: Api("group_admin", 3),
    ApiKey.SASL_HANDSHAKE: Api("sasl", None),
    ApiKey.API_VERSIONS: Api("api_versions", 3),
    ApiKey.CREATE_TOPICS: Api("topics", 5),
    ApiKey.DELETE_TOPICS: Api("topics", 4),
    ApiKey.DELETE_RECORDS: Api("topics", 2),
    ApiKey.INIT_PRODUCER_ID: Api("producers", 2),
    ApiKey.OFFSET_FOR_LEADER_EPOCH: Api("list_offsets", 4),
    ApiKey.ADD_PARTITIONS_TO_TXN: Api("transactions", 3),
    ApiKey.ADD_OFFSETS_TO_TXN: Api("transactions", 3),
    ApiKey.END_TXN: Api("transactions", 3),
    ApiKey.WRITE_TXN_MARKERS: Api("transactions", 1),
    ApiKey.TXN_OFFSET_COMMIT: Api("transactions", 3),
    ApiKey.DESCRIBE_ACLS: Api("acls", 2),
    ApiKey.CREATE_ACLS: Api("acls", 2),
    ApiKey.DELETE_ACLS: Api("acls", 2),
    ApiKey.DESCRIBE_CONFIGS: Api("configs", 4),
    ApiKey.ALTER_CONFIGS: Api("configs", 2),
    ApiKey.ALTER_REPLICA_LOG_DIRS: Api("log_dirs", 2),
    ApiKey.DESCRIBE_LOG_DIRS: Api("log_dirs", 2),
    ApiKey.SASL_AUTHENTICATE: Api("sasl", 2),
    ApiKey.CREATE_PARTITIONS: Api("topics", 2),
    ApiKey.CREATE_DELEGATION_TOKEN: Api("tokens", 2),
    ApiKey.RENEW_DELEGATION_TOKEN: Api("tokens", 2),
    ApiKey.EXPIRE_DELEGATION_TOKEN: Api("tokens", 2),
    ApiKey.DESCRIBE_DELEGATION_TOKEN: Api("tokens", 2),
    ApiKey.DELETE_GROUPS: Api("group_admin", 2),
    ApiKey.ELECT_LEADERS: Api("replicas", 2),
    ApiKey.INCREMENTAL_ALTER_CONFIGS: Api("configs", 1),
    ApiKey.ALTER_PARTITION_REASSIGNMENTS: Api("replicas", 0),
    ApiKey.LIST_PARTITION_REASSIGNMENTS: Api("replicas", 0),
    ApiKey.OFFSET_DELETE: Api("offsets", None),
    ApiKey.DESCRIBE_CLIENT_QUOTAS: Api("quotas", 1),
    ApiKey.ALTER_CLIENT_QUOTAS: Api("quotas", 1),
    ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS: Api("sasl", 0),
    ApiKey.ALTER_USER_SCRAM_CREDENTIALS: Api("sasl", 0),
    ApiKey.DESCRIBE_QUORUM: Api("cluster", 0),
    ApiKey.UPDATE_FEATURES: Api("cluster", 0),
    ApiKey.ALTER_PARTITION: Api("alter_partition", 0),
    ApiKey.DESCRIBE_CLUSTER: Api("cluster", 0),
    ApiKey.DESCRIBE_PRODUCERS: Api("producers", 0),
    ApiKey.DESCRIBE_TRANSACTIONS: Api("transactions", 0),
    ApiKey.LIST_TRANSACTIONS: Api("transactions", 0),
    ApiKey.CONSUMER_GROUP_HEARTBEAT: Api("consumer_groups", 0),
    ApiKey.CONSUMER_GROUP_DESCRIBE: Api("consumer_groups", 0),
    ApiKey.LIST_CONFIG_RESOURCES: Api("configs", 0),
    ApiKey.DESCRIBE_TOPIC_PARTITIONS: Api("metadata", 0),
    ApiKey.ADD_RAFT_VOTER: Api("voters", 0),
}


def request_class(key: int) -> type[Request]:
    """Return the class of an API's request.

    Raises:
        KafkaError: UNSUPPORTED_VERSION, there is no table for this key.
    """
    return cast("type[Request]", _message_class(key, "Request"))


def response_class(key: int) -> type[Response]:
    """Return the class of an API's response.

    Raises:
        KafkaError: UNSUPPORTED_VERSION, there is no table for this key.
    """
    return cast("type[Response]", _message_class(key, "Response"))


def valid_versions(key: int) -> tuple[int, int]:
    """Return the first and the last version of an API that has a table."""
    return parse_versions(request_class(key).versions)


def is_flexible(key: int, version: int) -> bool:
    """Whether a version of an API has tagged fields, in its header too.

    Raises:
        KafkaError: UNSUPPORTED_VERSION, there is no table for this key.
    """
    since = _api(key).flexible_since
    return since is not None and version >= since


def request_header_version(key: int, version: int) -> int:
    """Return 2 for flexible versions, else 1."""
    return 2 if is_flexible(key, version) else 1


def response_header_version(key: int, version: int) -> int:
    """Return 1 for flexible versions, else 0.

    ApiVersions is always 0: whoever sent a version that we lack can read the answer (KIP-511).
    """
    return 1 if key != ApiKey.API_VERSIONS and is_flexible(key, version) else 0


def _api(key: int) -> Api:
    api = APIS.get(key)
    if api is None:
        raise KafkaError(ErrorCode.UNSUPPORTED_VERSION, f"no API of key {key}")
    return api


def _message_class(key: int, suffix: str) -> object:
    module = import_module(f"raftkafka.protocol.messages.{_api(key).module}")
    stem = "".join(word.capitalize() for word in ApiKey(key).name.split("_"))
    return getattr(module, stem + suffix)
