"""Rule 16: a lower min.insync.replicas ends claims to lead before it takes effect."""

from __future__ import annotations

import pytest

from metadata.controller.configs import incremental_alter_configs
from metadata.image import MetadataImage
from metadata.records import (
    BROKER_CONFIG,
    TOPIC_CONFIG,
    ConfigRecord,
    PartitionChangeRecord,
    PartitionRecord,
    TopicRecord,
)
from raftkafka.config import BrokerConfig
from raftkafka.protocol.messages.configs import (
    IncrementalAlterConfigsConfig,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResource,
)
from tests.support.metadata import situation, with_brokers, with_records

TOPIC_ID = b"t" * 16
CONFIG = BrokerConfig.of({"min.insync.replicas": "3"})


def cluster() -> MetadataImage:
    return with_records(
        with_brokers(1, 2, 3),
        TopicRecord("t", TOPIC_ID),
        PartitionRecord(TOPIC_ID, 0, (1, 2, 3), (1, 2), 1, elr=(3,)),
        PartitionRecord(TOPIC_ID, 1, (1, 2, 3), (1,), 1, elr=(2, 3)),
        PartitionRecord(TOPIC_ID, 2, (1, 2, 3), (), -1, elr=(2, 3)),
    )


@pytest.mark.parametrize("resource", [(TOPIC_CONFIG, "t"), (BROKER_CONFIG, "")])
def test_claims_end_before_the_leader_may_commit_alone(resource: tuple[int, str]) -> None:
    resource_type, name = resource
    config = IncrementalAlterConfigsConfig(name="min.insync.replicas", value="2")
    request = IncrementalAlterConfigsRequest(
        resources=[
            IncrementalAlterConfigsResource(
                resource_type=resource_type, resource_name=name, configs=[config]
            )
        ]
    )
    decision = incremental_alter_configs(situation(cluster(), CONFIG), request)
    assert list(decision.records) == [
        PartitionChangeRecord(TOPIC_ID, 0, elr=()),
        ConfigRecord(resource_type, name, "min.insync.replicas", "2"),
    ]
