"""Sessions of broker processes: lost channels, probes, silence; rules 17 and 19."""

from __future__ import annotations

from math import inf

import pytest

from metadata.controller.heartbeats import BrokerProcess, Heartbeats
from metadata.image import MetadataImage
from metadata.records import BrokerChangeRecord, PartitionRecord, RegisterBrokerRecord, TopicRecord
from tests.support.metadata import broker_record, directory, with_brokers, with_records

CONTROLLER = 9
TIMEOUT_S = 5.0
GRACE_S = 1.0
TOPIC_ID = b"t" * 16


def incarnation(broker_id: int) -> bytes:
    return broker_record(broker_id).incarnation_id


def process(image: MetadataImage, broker_id: int) -> BrokerProcess:
    return BrokerProcess(broker_id, image.brokers[broker_id].broker_epoch)


def in_office(image: MetadataImage, *connected: int) -> Heartbeats:
    heartbeats = Heartbeats(CONTROLLER, TIMEOUT_S, GRACE_S)
    for broker_id in connected:
        heartbeats.connected(broker_id, incarnation(broker_id), 0.0)
    heartbeats.take_office(image, 0.0)
    return heartbeats


def test_silent_broker_is_fenced_after_the_session_timeout() -> None:
    image = with_brokers(1)
    heartbeats = in_office(image, 1)
    assert heartbeats.next_deadline_s() == TIMEOUT_S
    heartbeats.heard(1, process(image, 1).broker_epoch, 0, 2.0)
    assert heartbeats.overdue(TIMEOUT_S) == []
    assert heartbeats.overdue(2.0 + TIMEOUT_S) == [process(image, 1)]


def test_lost_channel_is_probed_once_and_a_process_that_is_gone_is_fenced_at_once() -> None:
    image = with_brokers(1, 2)
    heartbeats = in_office(image, 1, 2)
    heartbeats.disconnected(1, incarnation(1), 3.0)
    assert heartbeats.take_probes() == [process(image, 1)]
    assert heartbeats.take_probes() == []
    assert heartbeats.overdue(3.0) == []
    heartbeats.probed(process(image, 1), gone=True)
    assert heartbeats.next_deadline_s() == -inf
    assert heartbeats.overdue(3.0) == [process(image, 1)]


def test_lost_channel_to_a_process_that_may_live_is_given_the_grace_period() -> None:
    image = with_brokers(1)
    heartbeats = in_office(image, 1)
    heartbeats.disconnected(1, incarnation(1), 3.0)
    heartbeats.probed(process(image, 1), gone=False)
    assert heartbeats.next_deadline_s() == 3.0 + GRACE_S
    assert heartbeats.overdue(3.9) == []
    assert heartbeats.overdue(4.0) == [process(image, 1)]


@pytest.mark.parametrize("sign", ["heartbeat", "channel"])
def test_sign_of_life_within_the_grace_period_counts(sign: str) -> None:
    image = with_brokers(1)
    heartbeats = in_office(image, 1)
    heartbeats.disconnected(1, incarnation(1), 3.0)
    if sign == "heartbeat":
        heartbeats.heard(1, process(image, 1).broker_epoch, 0, 3.5)
    else:
        heartbeats.connected(1, incarnation(1), 3.5)
    heartbeats.probed(process(image, 1), gone=True)  # too late: it was heard of since
    assert heartbeats.overdue(4.5) == []
    assert heartbeats.take_probes() == []
    assert heartbeats.next_deadline_s() == 3.5 + TIMEOUT_S


def test_scenario_22_delayed_heartbeat_of_a_former_process_is_of_no_account() -> None:
    """KAFKA-8896."""
    image = with_brokers(1)
    heartbeats = in_office(image, 1)
    former = process(image, 1).broker_epoch - 1
    heartbeats.heard(1, former, 0, 4.0)
    heartbeats.probed(BrokerProcess(1, former), gone=True)
    heartbeats.disconnected(1, b"another process ", 4.0)
    assert heartbeats.overdue(4.9) == []
    assert heartbeats.overdue(TIMEOUT_S) == [process(image, 1)]


def test_new_controller_looks_for_brokers_that_have_no_channel_to_it() -> None:
    image = with_brokers(1, 2, CONTROLLER)
    heartbeats = in_office(image, 2)
    assert heartbeats.take_probes() == [process(image, 1)]
    assert heartbeats.overdue(GRACE_S) == [process(image, 1)]


def test_its_own_broker_is_never_fenced() -> None:
    heartbeats = in_office(with_brokers(CONTROLLER))
    assert heartbeats.take_probes() == []
    assert heartbeats.next_deadline_s() == inf
    assert heartbeats.overdue(1e9) == []
    assert not heartbeats.blocks(CONTROLLER, b"another process ")


def test_who_is_overdue_is_named_until_it_is_fenced() -> None:
    image = with_brokers(1)
    heartbeats = in_office(image)
    for _ in range(2):
        assert heartbeats.overdue(GRACE_S) == [process(image, 1)]
    fenced = with_records(image, BrokerChangeRecord(1, process(image, 1).broker_epoch, fenced=True))
    heartbeats.published(fenced, GRACE_S)
    assert heartbeats.overdue(GRACE_S) == []
    assert heartbeats.next_deadline_s() == inf


def test_deadlines_move_by_the_time_in_which_nobody_listened() -> None:
    image = with_brokers(1, 2)
    heartbeats = in_office(image, 1)
    heartbeats.excuse(2.0)
    assert heartbeats.overdue(2.0 + GRACE_S - 0.1) == []
    assert heartbeats.overdue(2.0 + GRACE_S) == [process(image, 2)]
    assert heartbeats.overdue(2.0 + TIMEOUT_S - 0.1) == [process(image, 2)]


def test_rule_17_a_live_session_blocks_another_process_of_that_id() -> None:
    image = with_brokers(1)
    heartbeats = in_office(image, 1)
    assert heartbeats.blocks(1, b"another process ")
    assert not heartbeats.blocks(1, incarnation(1))
    heartbeats.disconnected(1, incarnation(1), 1.0)
    assert heartbeats.blocks(1, b"another process "), "nobody knows whether it lives"
    heartbeats.probed(process(image, 1), gone=True)
    assert not heartbeats.blocks(1, b"another process ")


def test_rule_17_a_session_that_timed_out_blocks_nobody() -> None:
    heartbeats = in_office(with_brokers(1), 1)
    heartbeats.overdue(TIMEOUT_S)
    assert not heartbeats.blocks(1, b"another process ")


def test_fenced_broker_without_a_channel_blocks_nobody() -> None:
    heartbeats = in_office(with_records(with_brokers(), broker_record(1, fenced=True)))
    assert heartbeats.take_probes() == []
    assert not heartbeats.blocks(1, b"another process ")


def test_session_begins_with_the_registration() -> None:
    image = with_brokers(1)
    heartbeats = in_office(image, 1)
    successor = RegisterBrokerRecord(1, b"another process ", (), (directory(1),), fenced=True)
    heartbeats.connected(1, successor.incarnation_id, 4.0)
    heartbeats.published(with_records(image, successor), 4.0)
    assert heartbeats.overdue(4.0 + TIMEOUT_S - 0.1) == []
    assert heartbeats.next_deadline_s() == 4.0 + TIMEOUT_S


def test_rule_19_a_broker_stops_when_the_active_ones_know_who_leads_now() -> None:
    image = with_records(
        with_brokers(1, 2, 3, CONTROLLER),
        TopicRecord("t", TOPIC_ID),
        PartitionRecord(TOPIC_ID, 0, (1, 2), (1, 2), 1),
        BrokerChangeRecord(1, 1, in_controlled_shutdown=True),
        BrokerChangeRecord(3, 1, fenced=True),
    )
    heartbeats = in_office(image, 1, 2)
    assert not heartbeats.may_stop(1), "it leads"
    moved = with_records(image, PartitionRecord(TOPIC_ID, 0, (1, 2), (2,), 2, 1, 1))
    heartbeats.published(moved, 1.0)
    assert not heartbeats.may_stop(1), "broker 2 was not heard of"
    heartbeats.heard(2, process(image, 2).broker_epoch, moved.offset - 1, 1.0)
    assert not heartbeats.may_stop(1), "broker 2 does not know yet"
    heartbeats.heard(2, process(image, 2).broker_epoch, moved.offset, 1.0)
    assert heartbeats.may_stop(1)
    later = with_records(moved, TopicRecord("other", b"o" * 16))
    heartbeats.published(later, 2.0)
    assert heartbeats.may_stop(1), "what came later does not matter"


def test_who_left_office_watches_nobody() -> None:
    heartbeats = in_office(with_brokers(1))
    heartbeats.leave_office()
    heartbeats.published(with_brokers(1, 2), 1.0)
    assert heartbeats.take_probes() == []
    assert heartbeats.overdue(100.0) == []
    assert heartbeats.next_deadline_s() == inf
