"""What kafka-reassign-partitions --generate proposes: topics spread anew over some brokers.

Source: Kafka class ``ReassignPartitionsCommand``; KIP-36 (racks).
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from raftkafka.cli.shims.reassignment_files import Plan
from raftkafka.client.cluster import Broker
from raftkafka.client.errors import ClientError


def read_broker_list(text: str) -> list[int]:
    """Read ``--broker-list``.

    Raises:
        ClientError: it is none, or names a broker twice.
    """
    try:
        node_ids = [int(word) for word in text.split(",")]
    except ValueError:
        raise ClientError(f"--broker-list takes broker ids, not {text!r}") from None
    twice = sorted({node_id for node_id in node_ids if node_ids.count(node_id) > 1})
    if twice:
        raise ClientError(f"Broker list contains duplicate entries: {twice}")
    return node_ids


def proposed(current: Plan, brokers: Sequence[Broker], *, by_rack: bool) -> Plan:
    """Place each topic anew, as the controller places new ones.

    Args:
        current: the replicas of all partitions of the topics.
        brokers: where to.
        by_rack: spread a partition's replicas over racks.

    Raises:
        ClientError: more replicas than brokers, or only some of them name a rack.
    """
    rackless = [broker for broker in brokers if broker.rack is None]
    if by_rack and 0 < len(rackless) < len(brokers):
        raise ClientError(
            "Not all brokers have rack information. Add --disable-rack-aware in command line "
            "to make replica assignment without rack information."
        )
    from metadata.image import BrokerImage
    from metadata.placement import place

    images = [
        BrokerImage(
            broker_id=broker.node_id,
            broker_epoch=0,
            incarnation_id=b"",
            endpoints=(),
            directories=(),
            rack=broker.rack if by_rack else None,
            fenced=False,
            in_controlled_shutdown=False,
        )
        for broker in brokers
    ]
    plan: Plan = {}
    for topic in sorted({key.topic for key in current}):
        keys = sorted(key for key in current if key.topic == topic)
        factor = len(current[keys[0]])
        if factor > len(brokers):
            raise ClientError(
                f"The target replication factor of {factor} cannot be reached because only "
                f"{len(brokers)} broker(s) are registered."
            )
        placement = place(images, factor, random.randrange(len(brokers)))
        plan |= {key: placement.replicas(key.partition) for key in keys}
    return plan
