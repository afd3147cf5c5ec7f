"""Topics that come into being because somebody asked for them.

Source: Kafka's ``DefaultAutoTopicCreationManager``. Internal topics get the settings that their
coordinators need, and at most as many replicas as there are brokers.
"""

from __future__ import annotations

from metadata.image import CONSUMER_OFFSETS, TRANSACTION_STATE, MetadataImage
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.protocol.messages.topics import (
    CreatableTopic,
    CreatableTopicConfig,
    CreateTopicsRequest,
    CreateTopicsResponse,
)
from raftkafka.server.context import BrokerView

AUTO_CREATE_DEADLINE_S = 2.0
"""Then the client is told that the topic is unknown, and asks again."""

_MAY_EXIST_SOON = (
    ErrorCode.REQUEST_TIMED_OUT,
    ErrorCode.NOT_CONTROLLER,
    ErrorCode.TOPIC_ALREADY_EXISTS,
)


async def auto_create(broker: BrokerView, names: list[str]) -> dict[str, ErrorCode]:
    """Create topics with the broker's defaults; return the errors that a client should see.

    A topic that may yet come is unknown for now, which makes clients ask again.
    """
    request = CreateTopicsRequest(topics=[_topic(broker, name) for name in names])
    try:
        response = await broker.controller.submit(request, deadline_s=AUTO_CREATE_DEADLINE_S)
    except KafkaError:
        return {}
    assert isinstance(response, CreateTopicsResponse)
    return {
        topic.name: ErrorCode(topic.error_code)
        for topic in response.topics
        if topic.error_code and topic.error_code not in _MAY_EXIST_SOON
    }


def _topic(broker: BrokerView, name: str) -> CreatableTopic:
    config, image = broker.config, broker.image
    if name == CONSUMER_OFFSETS:
        return CreatableTopic(
            name=name,
            num_partitions=config.offsets_topic_num_partitions,
            replication_factor=_at_most_all(image, config.offsets_topic_replication_factor),
            configs=_configs(
                {
                    "cleanup.policy": "compact",
                    "segment.bytes": str(config.offsets_topic_segment_bytes),
                }
            ),
        )
    if name == TRANSACTION_STATE:
        replication_factor = config.transaction_state_log_replication_factor
        return CreatableTopic(
            name=name,
            num_partitions=config.transaction_state_log_num_partitions,
            replication_factor=_at_most_all(image, replication_factor),
            configs=_configs(
                {
                    "cleanup.policy": "compact",
                    "min.insync.replicas": str(config.transaction_state_log_min_isr),
                    "segment.bytes": str(config.transaction_state_log_segment_bytes),
                    "unclean.leader.election.enable": "false",
                }
            ),
        )
    return CreatableTopic(name=name, num_partitions=-1, replication_factor=-1)


def _at_most_all(image: MetadataImage, replication_factor: int) -> int:
    brokers = sum(1 for broker in image.brokers.values() if broker.is_active)
    return max(1, min(replication_factor, brokers))


def _configs(values: dict[str, str]) -> list[CreatableTopicConfig]:
    return [CreatableTopicConfig(name=name, value=value) for name, value in values.items()]
