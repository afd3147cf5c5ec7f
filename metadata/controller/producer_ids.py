"""Blocks of producer ids: each is given out once in the life of the cluster.

Source: Kafka's ``ProducerIdControlManager``; KIP-730.
"""

from __future__ import annotations

from metadata.controller.brokers import check_broker_epoch
from metadata.controller.decision import Decision, Situation
from metadata.records import ProducerIdsRecord
from raftkafka.errors import ErrorCode, KafkaError

BLOCK_SIZE = 1000
PRODUCER_ID_MAX = 2**63 - 1


def allocate_producer_ids(
    situation: Situation, broker_id: int, broker_epoch: int
) -> Decision[range]:
    """Reserve the next block of ids for a broker.

    Raises:
        KafkaError: STALE_BROKER_EPOCH, BROKER_ID_NOT_REGISTERED; UNKNOWN_SERVER_ERROR, there
            are no ids left.
    """
    check_broker_epoch(situation.image, broker_id, broker_epoch)
    first = situation.image.next_producer_id
    if first > PRODUCER_ID_MAX - BLOCK_SIZE:
        raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, "Exhausted all producer ids.")
    block = range(first, first + BLOCK_SIZE)
    return Decision([ProducerIdsRecord(broker_id, broker_epoch, block.stop)], block)
