"""What every client is promised: records come back as they went, in order, to where they belong."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.clients.conftest import Meeting
from tests.clients.registry import REFERENCE, Client, Line, params
from tests.support.batches import CODECS, codec_of, producer_id_of

# Long enough to shrink: clients send as it is what compression would not make smaller.
RECORDS: list[Line] = [
    {"value": "first " * 100, "key": "k", "headers": [["h", "1"], ["h2", "x"]]},
    {"value": "second " * 100, "timestamp": 1_700_000_000_123},
    {"value": "third " * 1000, "key": "long"},
    {"value": "€ past ASCII " * 100, "key": "ü"},
]


def in_order(lines: list[Line]) -> list[Line]:
    """Return the delivery reports in the order of the records."""
    reports = sorted((line for line in lines if "i" in line), key=lambda line: line["i"])
    assert not any("error" in report for report in reports), lines
    return reports


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("client", params())
def test_records_come_back_as_they_went(client: Client, codec: str, meeting: Meeting) -> None:
    if codec not in client.codecs:
        codec = client.codecs[-1]
    topic = meeting.create(partitions=2)
    records = [{**record, "partition": 1} for record in RECORDS]
    if not client.sets_timestamps:
        records = [{k: v for k, v in r.items() if k != "timestamp"} for r in records]
    command = {"records": records, "compression": codec, "sync": True}
    reports = in_order(meeting.run(client, "produce", topic, **command))
    if client.reports_offsets:
        assert [(r["partition"], r["offset"]) for r in reports] == [(1, n) for n in range(4)]
    assert {codec_of(batch) for batch in meeting.server.batches(topic, 1)} == {codec}, (
        "passed through as the client compressed it"
    )
    reader = client if client.consumes else REFERENCE
    read = meeting.run(reader, "consume", topic, partitions=[1], count=4)
    assert [line["offset"] for line in read] == [0, 1, 2, 3]
    for sent, got in zip(records, read, strict=True):
        assert got["value"] == sent["value"]
        assert got["key"] == sent.get("key")
        assert got["headers"] == sent.get("headers", [])
        assert got["timestamp"] == sent.get("timestamp", got["timestamp"])
        assert got["timestamp"] > 1_600_000_000_000


@pytest.mark.parametrize("client", params())
def test_acks_0_1_and_all(client: Client, meeting: Meeting) -> None:
    topic = meeting.create()
    for n, acks in enumerate(("0", "1", "all") if client.unacknowledged else ("1", "all")):
        records = [{"value": f"{acks}-{i}"} for i in range(3)]
        in_order(meeting.run(client, "produce", topic, records=records, acks=acks))
        read = meeting.read_back(topic, 3 * (n + 1))
        assert sorted(line["value"] for line in read[3 * n :]) == [f"{acks}-{i}" for i in range(3)]


@pytest.mark.parametrize("client", params())
def test_equal_keys_go_to_one_partition(client: Client, meeting: Meeting) -> None:
    topic = meeting.create(partitions=5)
    keys = [f"key-{n % 10}" for n in range(20)]
    records = [{"key": key, "value": key} for key in keys]
    in_order(meeting.run(client, "produce", topic, records=records))
    read = meeting.read_back(topic, 20, partitions=5)
    home = {line["key"]: line["partition"] for line in read}
    assert all(line["partition"] == home[line["key"]] for line in read)
    assert Counter(line["key"] for line in read) == Counter(keys)
    if client.hashes_like_java:
        assert home == {key: java_partition(key.encode(), 5) for key in set(keys)}


@pytest.mark.parametrize("client", params(where="custom_partitioner"))
def test_a_partitioner_of_the_users_own(client: Client, meeting: Meeting) -> None:
    topic = meeting.create(partitions=4)
    records = [{"key": str(n), "value": "v"} for n in range(12)]
    in_order(meeting.run(client, "produce", topic, records=records, partitioner="custom"))
    read = meeting.read_back(topic, 12, partitions=4)
    assert all(line["partition"] == int(line["key"]) % 4 for line in read)


@pytest.mark.parametrize("client", params(where="round_robin"))
def test_round_robin(client: Client, meeting: Meeting) -> None:
    topic = meeting.create(partitions=4)
    records = [{"value": str(n)} for n in range(40)]
    in_order(meeting.run(client, "produce", topic, records=records, partitioner="roundrobin"))
    counts = Counter(line["partition"] for line in meeting.read_back(topic, 40, partitions=4))
    assert counts == {0: 10, 1: 10, 2: 10, 3: 10}


@pytest.mark.parametrize("client", params())
def test_asynchronous_sends_all_arrive(client: Client, meeting: Meeting) -> None:
    topic = meeting.create()
    count = 300 if client.reports_offsets else 10
    values = [str(n) for n in range(count)]
    command = {"records": [{"value": value} for value in values]}
    reports = in_order(meeting.run(client, "produce", topic, **command))
    read = meeting.read_back(topic, count)
    assert sorted(line["value"] for line in read) == sorted(values)
    assert [line["offset"] for line in read] == list(range(count))
    if client.reports_offsets:
        placed: dict[int, str] = {report["offset"]: values[report["i"]] for report in reports}
        assert placed == {line["offset"]: line["value"] for line in read}


@pytest.mark.parametrize("client", params())
def test_idempotent_producer(client: Client, meeting: Meeting) -> None:
    topic = meeting.create()
    in_order(meeting.run(client, "produce", topic, records=[{"value": "as it is"}]))
    (first,) = meeting.server.batches(topic)
    assert (producer_id_of(first) >= 0) == client.idempotent_by_default
    if not client.idempotent:
        return
    records = [{"value": str(n)} for n in range(20)]
    in_order(meeting.run(client, "produce", topic, records=records, idempotent=True, sync=True))
    last = list(meeting.server.batches(topic))[-1]
    assert producer_id_of(last) >= 0
    values = [line["value"] for line in meeting.read_back(topic, 21)]
    assert values == ["as it is", *(str(n) for n in range(20))]


@pytest.mark.parametrize("client", params())
def test_a_record_too_large_is_reported(client: Client, meeting: Meeting) -> None:
    topic = meeting.create(max_message_bytes="10000")
    large = {"size": 50_000}
    lines = meeting.run(client, "produce", topic, records=[large], compression="none")
    (report,) = [line for line in lines if "i" in line]
    name = report["error"].lower().replace("_", "").replace(" ", "")
    assert any(said in name for said in ("toolarge", "sizetoolarge")), report
    in_order(meeting.run(client, "produce", topic, records=[{"value": "small"}]))
    assert [line["value"] for line in meeting.read_back(topic, 1)] == ["small"]


@pytest.mark.parametrize("client", params(where="administers"))
def test_administration(client: Client, meeting: Meeting) -> None:
    topic = meeting.create() + "-admin"
    lines = meeting.run(client, "admin", topic)
    assert lines.pop(1)["error"], "creating it again is refused"
    assert [line.get("error", line.get("value")) for line in lines] == [
        None,
        "3600000",
        None,
        "7200000",
        None,
        3,
        None,
        True,
    ]


def java_partition(key: bytes, count: int) -> int:
    """Return Java's partition for a key (Kafka class ``BuiltInPartitioner``, murmur2)."""
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    h = (0x9747B28C ^ len(key)) & mask
    whole = len(key) & ~3
    for position in range(0, whole, 4):
        k = int.from_bytes(key[position : position + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = (h * m & mask) ^ k
    if whole < len(key):
        h = (h ^ int.from_bytes(key[whole:], "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return ((h ^ h >> 15) & 0x7FFFFFFF) % count
