"""The state machine under test: a few keys, and a hash of everything applied."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from zlib import crc32

import cbor2

from tests.sim.quorum.checks import Checks


class Refused(Exception):
    """A fault of the schedule: the next command cannot be applied."""


class Machine:
    """Commands are CBOR [client, number, key]."""

    def __init__(
        self, node_id: int, checks: Checks, on_leader: Callable[[int | None], None]
    ) -> None:
        self._node_id = node_id
        self._checks = checks
        self._on_leader = on_leader
        self.keys: dict[int, list[int]] = {}
        self.state = 0
        self.restored = 0
        """How often it became a snapshot."""
        self.refuses_next = False

    def apply(self, index: int, term: int, command: bytes) -> None:
        """Take a command."""
        if self.refuses_next:
            self.refuses_next = False
            raise Refused
        client, number, key = cbor2.loads(command)
        self.keys[key] = [client, number]
        self.state = crc32(command, self.state)
        self._checks.on_apply(self._node_id, index, term, command, self.state)

    def snapshot(self) -> Iterator[bytes]:
        """Return the state of now, drawn later."""
        whole = cbor2.dumps([sorted(self.keys.items()), self.state])
        return iter([whole[:7], whole[7:]])

    def restore(self, snapshot: bytes) -> None:
        """Become a snapshot."""
        self.restored += 1
        keys, self.state = cbor2.loads(snapshot)
        self.keys = dict(keys)

    def on_leader(self, term: int | None) -> None:
        """Tell the node."""
        self._on_leader(term)
