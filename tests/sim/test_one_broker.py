"""A whole broker dies, loses power and loses its disk, on virtual time, the same way each time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from errno import EIO

import pytest
import trio

from raftkafka.errors import DamagedDisk, ErrorCode
from tests.sim.one_broker import World, run_simulated, sim_config
from tests.sim.wire_client import Disconnected


async def produce_until_death(world: World, count: int) -> list[bytes]:
    """Return what was acknowledged, in order."""
    acknowledged: list[bytes] = []
    async with world.client() as client:
        for number in range(count):
            value = b"%d" % number
            part = await client.produce("t", [value])
            world.note("acknowledged", part.base_offset, part.error_code)
            assert part.error_code == 0
            acknowledged.append(value)
    return acknowledged


async def read_all(world: World) -> list[bytes]:
    async with world.client() as client:
        values: list[bytes] = []
        while records := await client.fetch("t", len(values)):
            values += [value for _, value in records]
        world.note("read", len(values))
        return values


async def kills(world: World) -> None:
    async with world.broker(dies=True):
        async with world.client() as client:
            await client.create_topic("t")
        acknowledged = await produce_until_death(world, 20)
    world.after_kill()
    async with world.broker():
        assert await read_all(world) == acknowledged
        acknowledged += await produce_until_death(world, 5)
    async with world.broker():
        assert await read_all(world) == acknowledged


def test_a_killed_broker_has_all_that_it_acknowledged() -> None:
    run_simulated(1, kills, sim_config())


async def power_losses(world: World) -> None:
    async with world.broker(dies=True), world.client() as client:
        await client.create_topic("t", flush__messages="1")
    world.after_power_loss()
    acknowledged: list[bytes] = []
    for _ in range(3):
        async with world.broker(dies=True):
            acknowledged += await produce_until_death(world, 10)
        world.after_power_loss()
        async with world.broker(dies=True):
            assert await read_all(world) == acknowledged
        world.after_power_loss()


@pytest.mark.parametrize("seed", range(5))
def test_with_flush_messages_1_a_power_loss_takes_nothing_acknowledged(seed: int) -> None:
    run_simulated(seed, power_losses, sim_config())


async def one_disk_fails(world: World) -> None:
    async with world.broker(dies=True):
        async with world.client() as client:
            await client.create_topic("t")
            await client.create_topic("u")
            assert (await client.produce("t", [b"kept"])).error_code == 0
            failing = next(d for d in ("/one", "/two") if world.disk.exists(f"{d}/t-0"))
            world.disk.fail("write", failing, EIO)
            with pytest.raises(Disconnected):  # its answer was formed before the write failed
                await client.produce("t", [b"lost"])
        async with world.client() as client:
            refused = await client.produce("t", [b"refused"])
            assert refused.error_code == ErrorCode.KAFKA_STORAGE_ERROR
            assert (await client.produce("u", [b"served"])).error_code == 0
            assert await client.fetch("u", 0) == [(0, b"served")]
        world.disk.heal()
    world.after_kill()
    async with world.broker():
        assert await read_all(world) == [b"kept"]


def test_a_disk_that_fails_takes_its_partitions_offline_and_no_others() -> None:
    run_simulated(3, one_disk_fails, sim_config(log__dirs="/one,/two"))


async def last_disk_fails(world: World) -> None:
    async with world.broker(), world.client() as client:
        await client.create_topic("t")
        world.disk.fail("write", "/data/t-0", EIO)
        with pytest.raises(Disconnected):
            await client.produce("t", [b"lost"])
        await trio.sleep(10)


def test_without_a_usable_disk_the_broker_stops_and_says_so() -> None:
    with pytest.RaisesGroup(pytest.RaisesExc(DamagedDisk), flatten_subgroups=True):
        run_simulated(4, last_disk_fails, sim_config())


@pytest.mark.parametrize("main", [kills, power_losses, one_disk_fails])
def test_the_same_seed_gives_the_same_trace(main: Callable[[World], Awaitable[None]]) -> None:
    first = run_simulated(7, main, sim_config(log__dirs="/one,/two"))
    again = run_simulated(7, main, sim_config(log__dirs="/one,/two"))
    assert first.trace == again.trace
    assert len(first.trace) > 10
