"""The network as a seam: what the channels between nodes need of the world."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple, Protocol


class Stream(Protocol):
    """Bytes both ways (``trio.abc.Stream``)."""

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send everything, waiting while the other end does not read."""
        ...

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Return what arrived, or nothing at the end."""
        ...

    async def aclose(self) -> None:
        """Close both ways."""
        ...


class Connection(NamedTuple):
    """A stream, and the IP address of its other end."""

    stream: Stream
    address: str

    @property
    def is_local(self) -> bool:
        """Whether the other end is on this machine."""
        address = self.address.removeprefix("::ffff:")
        return address == "::1" or address.startswith("127.")


class Listener(Protocol):
    """A port that is listened on."""

    @property
    def port(self) -> int:
        """The port, which matters where 0 was asked for."""
        ...

    async def accept(self) -> Connection:
        """Wait for the next connection.

        Raises:
            OSError: this one could not be had; there may be others.
        """
        ...

    async def aclose(self) -> None:
        """Listen no more; connections stay."""
        ...


class Network(Protocol):
    """Where nodes dial and listen."""

    @property
    def is_authenticated(self) -> bool:
        """Whether both ends prove themselves before any byte of ours passes (mutual TLS)."""
        ...

    async def connect(self, host: str, port: int) -> Connection:
        """Dial.

        Raises:
            ConnectionRefusedError: the machine answers, and nobody listens there.
            OSError: anything else is in the way.
        """
        ...

    async def listen(self, host: str, port: int) -> Listener:
        """Listen; an empty host means every interface, port 0 lets the system choose.

        Raises:
            AddressInUse: the address is taken, or is none of this host's.
        """
        ...


class Probe(Enum):
    """What a dial to a node's port shows."""

    REFUSED = "nobody listens: the process is gone"
    ANSWERS = "somebody listens"
    SILENT = "nobody knows"
