"""kill -9 in the middle of topic creations and deletions: acknowledged ones hold."""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import suppress
from random import Random

from tests.support.broker import MakeServer, Server
from tests.support.requests import (
    create_topics_request,
    delete_topics_request,
    parse_created,
    parse_deleted,
    topic_names,
)
from tests.support.wire import LOOPBACK, read_response, until

SEED = int(os.environ.get("RAFTKAFKA_SEED", "0")) or time.time_ns() % 1_000_000
ADMINS = 4
STEPS_IN_ALL = 200
NONE, TOPIC_ALREADY_EXISTS, UNKNOWN_TOPIC = 0, 36, 3


class Admin:
    """Creates and deletes topics of its own, one after the other, noting what it was told."""

    def __init__(self, number: int, random: Random) -> None:
        self.exists: dict[str, bool | None] = {}
        """By topic name; None while unknown: the answer was lost."""
        self.steps = 0
        self._number = number
        self._random = random
        self._thread: threading.Thread | None = None

    def start(self, port: int) -> None:
        self._thread = threading.Thread(target=self._run, args=(port,), daemon=True)
        self._thread.start()

    def join(self) -> None:
        assert self._thread
        self._thread.join(30)
        assert not self._thread.is_alive(), "the broker neither answers nor closes"

    def _run(self, port: int) -> None:
        with (
            suppress(OSError),
            socket.create_connection((LOOPBACK, port), 10) as connection,
        ):
            while True:
                mine = [name for name, there in self.exists.items() if there]
                if mine and self._random.random() < 0.45:
                    name = self._random.choice(mine)
                    self.exists[name] = None
                    connection.sendall(delete_topics_request([name]))
                    errors = parse_deleted(read_response(connection))
                    self.exists[name] = False
                else:
                    name = f"topic-{self._number}-{len(self.exists)}"
                    self.exists[name] = None
                    connection.sendall(create_topics_request([name], partitions=2))
                    errors = parse_created(read_response(connection))
                    self.exists[name] = True
                assert errors == {name: NONE}, errors
                self.steps += 1

    def check(self, names: set[str]) -> None:
        """Assert that what was acknowledged holds, and learn what was unknown."""
        for name, there in self.exists.items():
            if there is None:
                self.exists[name] = name in names
            else:
                assert (name in names) == there, f"{name} was {there}"


def test_acknowledged_topics_survive_kill_9(make_server: MakeServer) -> None:
    print(f"RAFTKAFKA_SEED={SEED}")
    random = Random(SEED)
    server = make_server({"log.segment.delete.delay.ms": "100"})
    server.start()
    admins = [Admin(n, Random(random.getrandbits(32))) for n in range(ADMINS)]
    while (done := sum(admin.steps for admin in admins)) < STEPS_IN_ALL:
        for admin in admins:
            admin.start(server.port)
        wait_for_steps(admins, done + 10 + random.randrange(30))
        time.sleep(random.random() * 0.02)  # the random instant itself
        server.kill()
        for admin in admins:
            admin.join()
        server.start()
        names = topic_names(server.port)
        for admin in admins:
            admin.check(names)
    there = {name for admin in admins for name, exists in admin.exists.items() if exists}
    assert topic_names(server.port) == there
    with suppress(TimeoutError):
        until(lambda: folders(server) == there, "the same on disk", deadline_s=20)
    assert folders(server) == there, "deleted topics leave no folder"
    assert server.stop() == 0


def wait_for_steps(admins: list[Admin], goal: int) -> None:
    until(lambda: sum(admin.steps for admin in admins) >= goal, f"{goal} steps done")


def folders(server: Server) -> set[str]:
    """Return the topics that have a partition folder, those renamed for deletion included.

    A folder whose deletion the broker did not live to see is set aside as a stray, as Kafka does.
    """
    names = [path.name for path in server.data.iterdir() if path.is_dir()]
    return {
        name.rpartition("-")[0]
        for name in names
        if not name.startswith("__") and "stray" not in name
    }
