"""The leader-epoch cache against a plain list that knows the epoch of every offset."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from raftkafka.log.epoch_cache import EpochCache

STEPS = st.lists(
    st.tuples(st.sampled_from(["append", "new epoch", "truncate", "delete"]), st.integers(0, 9)),
    max_size=30,
)


class Model:
    """The epoch of each offset from ``start`` on."""

    def __init__(self) -> None:
        self.start = 0
        self.epochs: list[int] = []

    @property
    def end(self) -> int:
        return self.start + len(self.epochs)

    def end_offset_for(self, asked: int) -> tuple[int, int]:
        """KIP-279: the largest epoch up to the asked one, and where the next one starts."""
        if not self.epochs or asked > self.epochs[-1] or asked < 0:
            return -1, -1
        end = next((self.start + i for i, e in enumerate(self.epochs) if e > asked), self.end)
        known = [epoch for epoch in self.epochs if epoch <= asked]
        return (known[-1] if known else asked), end


@given(steps=STEPS)
def test_the_cache_answers_as_if_it_knew_every_offset(steps: list[tuple[str, int]]) -> None:
    model, cache, epoch = Model(), EpochCache(), 0
    for name, number in steps:
        if name == "append":
            cache.assign(epoch, model.end)
            model.epochs += [epoch] * (number + 1)
        elif name == "new epoch":
            epoch += number + 1
        elif name == "truncate":
            model.epochs = model.epochs[: max(0, len(model.epochs) - number)]
            cache.truncate_from_end(model.end)
            epoch += 1
        elif number < len(model.epochs):
            model.start += number
            model.epochs = model.epochs[number:]
            cache.truncate_from_start(model.start)
        for asked in range(-1, epoch + 2):
            assert cache.end_offset_for(asked, model.end) == model.end_offset_for(asked)
        for offset in range(model.start, model.end):
            assert cache.epoch_for(offset) == model.epochs[offset - model.start]
        assert cache.latest == (model.epochs[-1] if model.epochs else -1)
        assert EpochCache.decode(cache.encode()).entries == cache.entries


@given(entries=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 50)), max_size=20))
def test_epochs_and_offsets_always_grow(entries: list[tuple[int, int]]) -> None:
    """Whatever is assigned: an entry that contradicts the newest one drives out the older."""
    cache = EpochCache()
    for epoch, start_offset in entries:
        cache.assign(epoch, start_offset)
        assert cache.latest == epoch
        EpochCache.decode(cache.encode())
