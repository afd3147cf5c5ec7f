"""Idempotence against a model that keeps every batch of every producer."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.log.producer_state import ProducerStates
from raftkafka.records import SEQUENCE_MAX

Batch = tuple[int, int, int]
"""First sequence, last sequence, first offset."""

NUMBERS = st.integers(0, 12) | st.integers(SEQUENCE_MAX - 6, SEQUENCE_MAX)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["send", "go on", "retry", "restart"]),
        st.integers(1, 2),  # producer id
        st.integers(0, 2),  # epoch
        NUMBERS,
        st.integers(1, 4),  # records
    ),
    max_size=40,
)


class Model:
    """All that was appended, per producer."""

    def __init__(self) -> None:
        self.epochs: dict[int, int] = {}
        self.batches: dict[int, list[Batch]] = {}

    def answer(self, producer: int, epoch: int, first: int, count: int) -> int | ErrorCode | None:
        """Return the offset of the first time, an error, or None to append."""
        last = (first + count - 1) % (SEQUENCE_MAX + 1)
        if producer not in self.epochs or (epoch > self.epochs[producer] and first == 0):
            return None
        if epoch < self.epochs[producer]:
            return ErrorCode.INVALID_PRODUCER_EPOCH
        if epoch > self.epochs[producer]:
            return ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
        for begin, end, offset in self.batches[producer][-5:]:
            if (begin, end) == (first, last):
                return offset
        if first == (self.batches[producer][-1][1] + 1) % (SEQUENCE_MAX + 1):
            return None
        return ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER

    def append(self, producer: int, epoch: int, batch: Batch) -> None:
        if self.epochs.get(producer) != epoch:
            self.epochs[producer] = epoch
            self.batches[producer] = []
        self.batches[producer].append(batch)


def answer_of(
    states: ProducerStates, producer: int, epoch: int, first: int, count: int
) -> int | ErrorCode | None:
    try:
        before = states.check(producer, epoch, first, count - 1)
    except KafkaError as error:
        return error.code
    return before.first_offset if before else None


@given(steps=STEPS)
def test_every_batch_is_answered_as_by_a_full_history(
    steps: list[tuple[str, int, int, int, int]],
) -> None:
    model, states, end = Model(), ProducerStates(), 0
    for name, producer, epoch, number, count in steps:
        known = model.batches.get(producer, [])
        first = number
        if name == "restart":
            snapshot = states.encode()
            states = ProducerStates()
            states.load(snapshot)
            model.batches = {p: batches[-1:] for p, batches in model.batches.items()}
            continue
        if known and name == "go on":
            epoch, first = model.epochs[producer], (known[-1][1] + 1) % (SEQUENCE_MAX + 1)
        elif known and name == "retry":
            begin, last, _ = known[-1 - number % len(known)]
            epoch, first = model.epochs[producer], begin
            count = (last - begin) % (SEQUENCE_MAX + 1) + 1
        wanted = model.answer(producer, epoch, first, count)
        assert answer_of(states, producer, epoch, first, count) == wanted
        if wanted is None:
            last = (first + count - 1) % (SEQUENCE_MAX + 1)
            model.append(producer, epoch, (first, last, end))
            end += count
            states.update(producer, epoch, first, count - 1, end - 1, 1000, 0)
