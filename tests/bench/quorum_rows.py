"""The quorum: what a commit costs, how soon a controller is replaced, topics on three brokers."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from raftkafka.client.client import Client
from raftkafka.client.cluster import describe_cluster
from raftkafka.client.errors import ClientError, RequestFailed
from raftkafka.client.topics import describe_topics
from raftkafka.errors import ErrorCode
from tests.bench import machine
from tests.bench.clusters import Brokers, client_of, create, is_kafka, three_brokers, unfenced
from tests.bench.quorum_node import COMMAND, FIGURES, percentile
from tests.bench.rows import Bench, Row, at_most, higher, lower
from tests.bench.targets import NotMeasured
from tests.bench.topic_rows import metadata_of_all_ms, timed, wait_for_leaders
from tests.support.broker import ROOT, Server, free_port
from tests.support.wire import until

DEADLINE_S = 120.0
COMMITS, QUICK_COMMITS = 1_000, 100
KILLS, QUICK_KILLS, KILLS_OF_KAFKA = 30, 3, 5
CREATED_ONE_BY_ONE = 20
WIDE_TOPICS, QUICK_WIDE_TOPICS = 3, 1
TOPIC_PARTITIONS = 1_000
PARTITIONS, QUICK_PARTITIONS = 10_000, 1_000
IN_SNAPSHOT, QUICK_IN_SNAPSHOT = 100_000, 10_000
TRY_AGAIN_S = 0.005
LOOP_LAG = lower("loop_lag_max_ms", "ms")


def run_commits(bench: Bench, *, voters: int) -> Mapping[str, float]:
    """Voters without brokers above them; the one that leads measures."""
    only_ours(bench)
    with scratch(bench) as folder:
        ports = {n: free_port() for n in range(1, voters + 1)} if voters > 1 else {}
        commits = QUICK_COMMITS if bench.quick else COMMITS
        options = ("--ports", json.dumps(ports), "--commits", str(commits))
        bare_ms = bare_sync_ms(folder, commits)
        folders = [folder / str(n) for n in range(1, voters + 1)]
        commands = [
            ("quorum_node", str(n), str(path), *options) for n, path in enumerate(folders, 1)
        ]
        with processes(folders, commands) as running:
            figures = wait_for_figures(folders, running)
    return {"write + fdatasync p50": bare_ms, **figures}


def bare_sync_ms(folder: Path, times: int) -> float:
    """Return what the disk alone takes: one write and fdatasync after the other."""
    descriptor = os.open(folder / "bare", os.O_RDWR | os.O_CREAT)
    os.pwrite(descriptor, bytes(1 << 20), 0)
    os.fsync(descriptor)
    places: Iterator[int] = iter(range(0, 1 << 20, 256))

    def write() -> None:
        os.pwrite(descriptor, COMMAND, next(places))
        os.fdatasync(descriptor)

    samples = [timed(write) for _ in range(times)]
    os.close(descriptor)
    return statistics.median(samples) * 1e3


def run_snapshot(bench: Bench) -> Mapping[str, float]:
    """A lone voter writes it; an observer is sent it over the loopback, and then opens it."""
    only_ours(bench)
    with scratch(bench) as folder:
        port, partitions = free_port(), QUICK_IN_SNAPSHOT if bench.quick else IN_SNAPSHOT
        held, sent = folder / "hold", folder / "follow"
        options = ("--partitions", str(partitions))
        hold = ("snapshot_node", "hold", str(port), str(held), *options)
        follow = ("snapshot_node", "follow", str(port), str(sent), *options)
        with processes([held], [hold]) as holder:
            figures = wait_for_figures([held], holder)
            with processes([sent], [follow]) as follower:
                return {**figures, **wait_for_figures([sent], follower)}


@contextmanager
def scratch(bench: Bench) -> Generator[Path]:
    """A folder that is deleted at the end."""
    with tempfile.TemporaryDirectory(dir=bench.folder, prefix="quorum-") as folder:
        yield Path(folder)


@contextmanager
def processes(
    folders: Sequence[Path], commands: Sequence[Sequence[str]]
) -> Generator[list[subprocess.Popen[bytes]]]:
    """Modules of this package as processes, ended with the block; each has a folder."""
    running: list[subprocess.Popen[bytes]] = []
    try:
        for folder, (module, *arguments) in zip(folders, commands, strict=True):
            folder.mkdir()
            command = [sys.executable, "-m", f"tests.bench.{module}", *arguments]
            with (folder / "log").open("wb") as log:
                running.append(subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log))
        yield running
    finally:
        for process in running:
            process.kill()
            process.wait()


def wait_for_figures(
    folders: Sequence[Path], running: Sequence[subprocess.Popen[bytes]]
) -> dict[str, float]:
    """Return what the first process that is done measured.

    Raises:
        RuntimeError: one of them ended without.
    """

    def found() -> list[Path]:
        return [folder / FIGURES for folder in folders if (folder / FIGURES).exists()]

    def is_over() -> bool:
        return bool(found()) or any(process.poll() is not None for process in running)

    until(is_over, "figures", DEADLINE_S)
    if not found():
        texts = [(folder / "log").read_text()[-1000:] for folder in folders]
        raise RuntimeError("a node of the quorum ended:\n" + "\n".join(texts))
    figures: dict[str, float] = json.loads(found()[0].read_text())
    return figures


def run_kills(bench: Bench) -> Mapping[str, float]:
    """Kill the controller again and again; a client of another broker asks for a topic at once."""
    kills = QUICK_KILLS if bench.quick else KILLS_OF_KAFKA if is_kafka(bench) else KILLS
    created: list[float] = []
    replaced: list[float] = []
    with ready_brokers(bench) as brokers, ThreadPoolExecutor(1) as pool:
        for number in range(kills):
            victim = controller_of(brokers)
            asked, watched = (server for server in brokers.servers if server is not victim)
            old = node_id_of(brokers, victim)
            victim.kill()
            begin = time.perf_counter()
            seen = pool.submit(new_controller_s, watched, old, begin) if brokers.is_ours else None
            create_at_last(asked, f"after-{number}")
            created.append(time.perf_counter() - begin)
            if seen is not None:
                replaced.append(seen.result())
            victim.start()
            until(lambda: all(unfenced(it) == 3 for it in brokers.servers), "all are back")
        figures = {
            "topic created, p50": percentile(created, 0.5),
            "topic created, p99": percentile(created, 0.99),
        }
        if brokers.is_ours:
            figures["new controller, p50"] = percentile(replaced, 0.5)
            figures["new controller, p99"] = percentile(replaced, 0.99)
            figures[LOOP_LAG.name] = brokers.loop_lag_max_ms()
        return figures


def node_id_of(brokers: Brokers, server: Server) -> int:
    """Return a broker's id."""
    return brokers.servers.index(server) + 1


def controller_of(brokers: Brokers) -> Server:
    """Return the broker that leads the quorum; Apache Kafka tells it in another way."""
    found: list[int] = []

    def told() -> bool:
        with suppress(ClientError), client_of(brokers.servers[0]) as client:
            found[:] = [leader_of_quorum(client)]
            return found[0] > 0
        return False

    until(told, "a controller", DEADLINE_S)
    return brokers.servers[found[0] - 1]


def leader_of_quorum(client: Client) -> int:
    """Return the node that leads the quorum, as a broker tells it."""
    from raftkafka.client.quorum import describe_quorum

    return describe_quorum(client).leader_id


def new_controller_s(server: Server, old: int, begin: float) -> float:
    """Return how long after ``begin`` a broker names another controller."""

    def replaced() -> bool:
        with suppress(ClientError), client_of(server) as client:
            return describe_cluster(client).controller_id not in (None, -1, old)
        return False

    while not replaced():
        if time.perf_counter() - begin > DEADLINE_S:
            raise TimeoutError("no new controller")
        time.sleep(TRY_AGAIN_S)
    return time.perf_counter() - begin


def create_at_last(server: Server, name: str) -> None:
    """Ask for a topic until it is there."""
    begin = time.perf_counter()
    while time.perf_counter() - begin < DEADLINE_S:
        try:
            with client_of(server) as client:
                create(client, name)
            return
        except RequestFailed as error:
            if error.code == ErrorCode.TOPIC_ALREADY_EXISTS:
                return  # an earlier request, of which nobody knew
        except ClientError:
            pass
        time.sleep(TRY_AGAIN_S)
    raise TimeoutError("no topic could be created")


@contextmanager
def ready_brokers(bench: Bench) -> Generator[Brokers]:
    """Three brokers that serve, and know each other."""
    with three_brokers(bench) as brokers:
        brokers.start()
        until(lambda: all(unfenced(it) == 3 for it in brokers.servers), "all know all", DEADLINE_S)
        yield brokers


def run_creations(bench: Bench) -> Mapping[str, float]:
    """Topics one after the other on one connection; then topics of 1,000 partitions, RF 3."""
    with ready_brokers(bench) as brokers, client_of(brokers.servers[0]) as client:
        client.metadata([])
        ones = [
            timed(partial(create, client, f"one-{n}", factor=3)) for n in range(CREATED_ONE_BY_ONE)
        ]
        figures = {
            "1x1, p50": statistics.median(ones) * 1e3,
            "1x1, p99": percentile(ones, 0.99) * 1e3,
        }
        answered: list[float] = []
        on_disk: list[float] = []
        for number in range(QUICK_WIDE_TOPICS if bench.quick else WIDE_TOPICS):
            name = f"wide-{number}"
            begin = time.perf_counter()
            create(client, name, partitions=TOPIC_PARTITIONS, factor=3)
            answered.append(time.perf_counter() - begin)
            until(partial(leaders_have_folders, brokers, client, name), "on disk", DEADLINE_S)
            on_disk.append(time.perf_counter() - begin)
        figures["1x1,000, answered"] = statistics.median(answered)
        figures["1x1,000, on the leaders' disks"] = statistics.median(on_disk)
        if brokers.is_ours:
            figures[LOOP_LAG.name] = brokers.loop_lag_max_ms()
        return figures


def leaders_have_folders(brokers: Brokers, client: Client, name: str) -> bool:
    """Whether each partition of a topic has a folder at the broker that leads it."""
    with suppress(RequestFailed):  # this broker does not know it yet
        (topic,) = describe_topics(client, [name])
        return len(topic.partitions) == TOPIC_PARTITIONS and all(
            it.leader is not None
            and (brokers.servers[it.leader - 1].data / f"{name}-{it.partition}").is_dir()
            for it in topic.partitions
        )
    return False


def run_many(bench: Bench) -> Mapping[str, float]:
    """Many partitions with RF 3: stopped, started again, and asked for all of them."""
    count = QUICK_PARTITIONS if bench.quick else PARTITIONS
    with ready_brokers(bench) as brokers:
        figures: dict[str, float] = {}
        with client_of(brokers.servers[0]) as client:
            for number in range(count // TOPIC_PARTITIONS):
                create(client, f"many-{number}", partitions=TOPIC_PARTITIONS, factor=3)
        for server in brokers.servers:
            wait_for_leaders(server, count)
        if brokers.is_ours:
            figures["creating: loop_lag_max_ms"] = brokers.loop_lag_max_ms()
        brokers.stop()
        begin = time.perf_counter()
        brokers.start()
        for server in brokers.servers:
            wait_for_leaders(server, count)
        figures["start"] = time.perf_counter() - begin
        time.sleep(bench.settle_s)
        figures["RSS of the largest"] = max(it.rss_bytes for it in brokers.servers) / 1e6
        figures["idle CPU of all"] = idle_cpu(brokers, bench)
        port = brokers.servers[0].port
        figures["Metadata of all"] = metadata_of_all_ms(port, count)
        if brokers.is_ours:
            figures[LOOP_LAG.name] = brokers.loop_lag_max_ms()
        return figures


def idle_cpu(brokers: Brokers, bench: Bench) -> float:
    """Return the processor time of all brokers while nobody asks, in percent of a core."""
    pids = [server.pid for server in brokers.servers]
    idle_s = bench.seconds if bench.quick else max(bench.seconds, 10.0)
    before = sum(map(machine.cpu_s, pids))
    time.sleep(idle_s)
    return (sum(map(machine.cpu_s, pids)) - before) / idle_s * 100


def only_ours(bench: Bench) -> None:
    """Refuse a peer, whose quorum cannot be measured by itself."""
    if not bench.target.is_ours:
        raise NotMeasured("its quorum cannot be measured by itself")


COMMIT_FIGURES = (
    lower("write + fdatasync p50", "ms"),
    lower("commit p50", "ms"),
    lower("commit p99", "ms"),
    higher("commits, 1,024 in flight", "/s"),
    lower("ReadIndex p50", "ms"),
    LOOP_LAG,
)

ROWS = (
    Row("quorum: commits, one voter", COMMIT_FIGURES, partial(run_commits, voters=1)),
    Row("quorum: commits, three voters", COMMIT_FIGURES, partial(run_commits, voters=3)),
    Row(
        "quorum: the controller killed",
        (
            at_most("topic created, p50", "s", 1.5, 1.0),
            at_most("topic created, p99", "s", 1.5, 1.0),
            lower("new controller, p50", "s"),
            lower("new controller, p99", "s"),
            LOOP_LAG,
        ),
        run_kills,
        runs_once=True,
    ),
    Row(
        "quorum: CreateTopics on three brokers, RF 3",
        (
            at_most("1x1, p50", "ms", 30.0, 10.0),
            lower("1x1, p99", "ms"),
            lower("1x1,000, answered", "s"),
            at_most("1x1,000, on the leaders' disks", "s", 3.0, 1.5),
            LOOP_LAG,
        ),
        run_creations,
    ),
    Row(
        f"quorum: {PARTITIONS:,} partitions, RF 3, on three brokers",
        (
            lower("creating: loop_lag_max_ms", "ms"),
            at_most("start", "s", 3.0, 1.5),
            lower("RSS of the largest", "MB"),
            lower("idle CPU of all", "%"),
            lower("Metadata of all", "ms"),
            LOOP_LAG,
        ),
        run_many,
    ),
    Row(
        f"quorum: a snapshot of {IN_SNAPSHOT:,} partitions",
        (
            lower("size", "MB"),
            lower("write", "s"),
            lower("write: loop_lag_max_ms", "ms"),
            lower("send", "s"),
            lower("send: loop_lag_max_ms", "ms"),
            lower("load", "s"),
        ),
        run_snapshot,
    ),
)
