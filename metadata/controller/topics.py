"""CreateTopics.

Source: ``createTopics`` of Kafka's ``ControllerApis`` and ``ReplicationControlManager``; KIP-464
(defaults), KIP-525 (configurations in the answer), KIP-516 (topic ids).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from metadata.controller.assignments import (
    Budget,
    ReplicasOf,
    check_assignment,
    partition_records,
)
from metadata.controller.decision import Decision, Situation
from metadata.image import CLUSTER_METADATA, MetadataImage, name_shape
from metadata.placement import place
from metadata.records import (
    BROKER_CONFIG,
    TOPIC_CONFIG,
    ConfigRecord,
    Record,
    TopicRecord,
)
from metadata.topic_names import check_topic_name
from raftkafka.config.describe import describe_topic
from raftkafka.config.resolve import BrokerLevels
from raftkafka.config.validate import check_topic_configs
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.protocol.messages.topics import (
    CreatableTopic,
    CreatableTopicConfigResult,
    CreatableTopicResult,
    CreateTopicsRequest,
    CreateTopicsResponse,
)
from raftkafka.types import Randomness, TopicId, uuid_text

DEFAULT = -1
"""In a request: the broker's default number."""


@dataclass(frozen=True, slots=True)
class _NewTopic:
    """A topic that can be created as asked."""

    name: str
    topic_id: TopicId
    configs: dict[str, str]
    partition_count: int
    replicas_of: ReplicasOf

    def records(self, image: MetadataImage) -> Iterator[Record]:
        yield TopicRecord(self.name, self.topic_id)
        for key, value in sorted(self.configs.items()):
            yield ConfigRecord(TOPIC_CONFIG, self.name, key, value)
        numbers = range(self.partition_count)
        yield from partition_records(image, self.topic_id, numbers, self.replicas_of)


def create_topics(
    situation: Situation, request: CreateTopicsRequest
) -> Decision[CreateTopicsResponse]:
    """Create what can be created; each topic stands alone, and is decided on when it is drawn."""
    response = CreateTopicsResponse()
    records = _created(situation, request, response.topics)
    if request.validate_only:
        for _ in records:
            pass
    return Decision(records, response)


def _created(
    situation: Situation, request: CreateTopicsRequest, results: list[CreatableTopicResult]
) -> Iterator[Record]:
    image = situation.image
    times = Counter(topic.name for topic in request.topics)
    budget = Budget()
    in_effect = _ConfigsInEffect(situation)
    shapes: dict[str, str] = {}
    for topic in request.topics:
        if times[topic.name] > 1:
            continue
        try:
            _check_name(image, topic.name, shapes)
            new = _new_topic(situation, topic, budget)
        except KafkaError as error:
            results.append(_refused(topic.name, error.code, error.message))
        else:
            results.append(_accepted(new, in_effect.of(new.configs)))
            shape = name_shape(new.name)
            if shape is not None:
                shapes[shape] = new.name
            yield from new.records(image)
    for name, count in times.items():
        if count > 1:
            results.append(_refused(name, ErrorCode.INVALID_REQUEST, "Duplicate topic name."))


def _check_name(image: MetadataImage, name: str, shapes: dict[str, str]) -> None:
    if name == CLUSTER_METADATA:
        text = f"Creation of internal topic {CLUSTER_METADATA} is prohibited."
        raise KafkaError(ErrorCode.INVALID_REQUEST, text)
    check_topic_name(name)
    if name in image.topics:
        raise KafkaError(ErrorCode.TOPIC_ALREADY_EXISTS, f"Topic '{name}' already exists.")
    shape = name_shape(name)
    if shape is None:
        return
    other = image.names_by_shape.get(shape) or shapes.get(shape)
    if other is not None:
        text = f"Topic '{name}' collides with existing topic: {other}"
        raise KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION, text)


def _new_topic(situation: Situation, topic: CreatableTopic, budget: Budget) -> _NewTopic:
    configs = _configs(topic)
    if topic.assignments:
        count, replicas_of = _assigned(situation.image, topic)
    else:
        count, replicas_of = _placed(situation, topic)
    budget.take(count)
    topic_id = _new_topic_id(situation.image, situation.random)
    return _NewTopic(topic.name, topic_id, configs, count, replicas_of)


def _configs(topic: CreatableTopic) -> dict[str, str]:
    without_value = [config.name for config in topic.configs if config.value is None]
    if without_value:
        raise KafkaError(
            ErrorCode.INVALID_CONFIG,
            f"Null value not supported for topic configs: {','.join(without_value)}",
        )
    configs = {config.name: config.value or "" for config in topic.configs}
    check_topic_configs(configs)
    return configs


def _assigned(image: MetadataImage, topic: CreatableTopic) -> tuple[int, ReplicasOf]:
    """Take the replicas that the request gives for each partition."""
    given = "A manual partition assignment was specified, but"
    if topic.replication_factor != DEFAULT:
        text = f"{given} replication factor was not set to -1."
        raise KafkaError(ErrorCode.INVALID_REQUEST, text)
    if topic.num_partitions != DEFAULT:
        text = f"{given} numPartitions was not set to -1."
        raise KafkaError(ErrorCode.INVALID_REQUEST, text)
    replicas: dict[int, tuple[int, ...]] = {}
    replication_factor: int | None = None
    for assignment in topic.assignments:
        number = assignment.partition_index
        if number in replicas:
            text = f"Found multiple manual partition assignments for partition {number}"
            raise KafkaError(ErrorCode.INVALID_REPLICA_ASSIGNMENT, text)
        chosen = check_assignment(image, number, assignment.broker_ids, replication_factor)
        replicas[number] = chosen
        replication_factor = len(chosen)
    if set(replicas) != set(range(len(replicas))):
        text = "partitions should be a consecutive 0-based integer sequence"
        raise KafkaError(ErrorCode.INVALID_REPLICA_ASSIGNMENT, text)
    return len(replicas), replicas.__getitem__


def _placed(situation: Situation, topic: CreatableTopic) -> tuple[int, ReplicasOf]:
    """Choose replicas: as many as asked, or as the broker's defaults say."""
    replication_factor, count = topic.replication_factor, topic.num_partitions
    if replication_factor < DEFAULT or replication_factor == 0:
        text = "Replication factor must be larger than 0, or -1 to use the default value."
        raise KafkaError(ErrorCode.INVALID_REPLICATION_FACTOR, text)
    if count < DEFAULT or count == 0:
        text = "Number of partitions was set to an invalid non-positive value."
        raise KafkaError(ErrorCode.INVALID_PARTITIONS, text)
    if replication_factor == DEFAULT:
        replication_factor = situation.config.default_replication_factor
    if count == DEFAULT:
        count = situation.config.num_partitions
    brokers = list(situation.image.brokers.values())
    start = situation.random.randrange(max(1, len(brokers)))
    try:
        placement = place(brokers, replication_factor, start)
    except KafkaError as error:
        text = f"Unable to replicate the partition {replication_factor} time(s): {error.message}"
        raise KafkaError(error.code, text) from error
    return count, placement.replicas


def _new_topic_id(image: MetadataImage, random: Randomness) -> TopicId:
    """Draw a random uuid (version 4) that is new, and safe as an argument of a command."""
    while True:
        drawn = bytearray(random.randbytes(16))
        drawn[6] = drawn[6] & 0x0F | 0x40
        drawn[8] = drawn[8] & 0x3F | 0x80
        topic_id = bytes(drawn)
        if topic_id not in image.topics_by_id and not uuid_text(topic_id).startswith("-"):
            return topic_id


class _ConfigsInEffect:
    """Tells what holds for new topics; most of them set nothing, and share one answer."""

    def __init__(self, situation: Situation) -> None:
        image, config = situation.image, situation.config
        self._levels = BrokerLevels(
            config,
            image.config(BROKER_CONFIG, ""),
            image.config(BROKER_CONFIG, str(config.node_id)),
        )
        self._defaults: list[CreatableTopicConfigResult] | None = None

    def of(self, configs: dict[str, str]) -> list[CreatableTopicConfigResult]:
        if configs:
            return self._described(configs)
        if self._defaults is None:
            self._defaults = self._described({})
        return self._defaults

    def _described(self, configs: dict[str, str]) -> list[CreatableTopicConfigResult]:
        return [
            CreatableTopicConfigResult(
                name=it.name,
                value=it.value,
                read_only=it.is_read_only,
                config_source=it.source,
                is_sensitive=it.is_sensitive,
            )
            for it in describe_topic(self._levels, configs)
        ]


def _accepted(new: _NewTopic, configs: list[CreatableTopicConfigResult]) -> CreatableTopicResult:
    return CreatableTopicResult(
        name=new.name,
        topic_id=new.topic_id,
        error_message=None,
        num_partitions=new.partition_count,
        replication_factor=len(new.replicas_of(0)),
        configs=configs,
    )


def _refused(name: str, code: ErrorCode, message: str | None) -> CreatableTopicResult:
    return CreatableTopicResult(name=name, error_code=code, error_message=message)
