"""The reactor: one trio task that serves every ready connection of its listeners inline.

trio waits on an inner, edge-triggered epoll; a wake-up takes all that is ready and runs one turn.
Linux only; ``stream_driver.py`` carries the same turn elsewhere.
"""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Iterable
from errno import EMFILE, ENFILE

import structlog
import trio

from raftkafka.errors import Malformed
from raftkafka.log.segment import LogSlice
from raftkafka.server.acceptance import Acceptance
from raftkafka.server.connection import Connection, Output, drop_sent
from raftkafka.server.turn import Turn
from raftkafka.types import Buffer

SLICE_S = 0.003
"""For so long turns follow each other before the other tasks get theirs."""
ACCEPTS_PER_TURN = 256
EVENTS_PER_TURN = 128
"""So that a turn stays short, and its receive buffers fit the pool; the rest is served next."""
SENDFILE_BYTES_MAX = 1024 * 1024
SEND_BYTES_PER_TURN = 4 * 1024 * 1024
"""To one connection: a client on the same machine reads as fast as we send."""
JOINED_BYTES_MAX = 64 * 1024
GONE = select.EPOLLHUP | select.EPOLLERR | select.EPOLLRDHUP

log = structlog.get_logger()


class Reactor:
    """Sockets of all listeners, and the transport of their connections."""

    def __init__(
        self, turn: Turn, acceptance: Acceptance, options: Iterable[tuple[int, int, int]]
    ) -> None:
        self._turn = turn
        self._acceptance = acceptance
        self._options = tuple(options)
        self._epoll = select.epoll()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._wake, select.EPOLLIN)
        self._spare = open_spare()
        """Given up for a moment to refuse a connection when no other descriptor is left."""
        self._listeners: dict[int, tuple[socket.socket, str]] = {}
        self._sockets: dict[int, tuple[socket.socket, Connection]] = {}
        self._descriptor: dict[Connection, int] = {}
        self._again: dict[Connection, None] = {}
        self._unsendable: set[Connection] = set()
        self._unsent: dict[Connection, None] = {}
        """With more to send than one turn may."""
        self._hung_up: set[Connection] = set()
        """Their peers send no more; the edge that told so does not come again."""
        self._is_waiting = False

    # ------------------------------------------------------------------ the loop

    def listen(self, listener: socket.socket, name: str) -> None:
        """Accept connections of a bound, listening, non-blocking socket."""
        self._listeners[listener.fileno()] = (listener, name)
        self._epoll.register(listener.fileno(), select.EPOLLIN)

    def stop_listening(self) -> None:
        """Close the listeners; connections go on."""
        for descriptor, (listener, _) in self._listeners.items():
            self._epoll.unregister(descriptor)
            listener.close()
        self._listeners.clear()

    async def run(self) -> None:
        """Serve until cancelled, then close every socket."""
        try:
            slice_end = 0.0
            while True:
                events = self._epoll.poll(0, EVENTS_PER_TURN)
                if not events and not self._again and not self._unsent:
                    self._is_waiting = True
                    await trio.lowlevel.wait_readable(self._epoll.fileno())
                    self._is_waiting = False
                    slice_end = 0.0
                    events = self._epoll.poll(0, EVENTS_PER_TURN)
                self._turn.run(self._ready(events))
                now = trio.current_time()
                if not slice_end:
                    slice_end = now + SLICE_S
                elif now >= slice_end:
                    await trio.lowlevel.checkpoint()
                    slice_end = trio.current_time() + SLICE_S
        finally:
            self._close_all()

    def _ready(self, events: list[tuple[int, int]]) -> dict[Connection, None]:
        ready, self._again = self._again, {}
        unsent, self._unsent = self._unsent, {}
        for connection in unsent:
            self.send(connection)
        for descriptor, event in events:
            held = self._sockets.get(descriptor)
            if held is None:
                self._other_event(descriptor)
                continue
            connection = held[1]
            if event & select.EPOLLOUT and connection in self._unsendable:
                self._unsendable.discard(connection)
                self.send(connection)
            if event & GONE:
                self._hung_up.add(connection)
            if event & (select.EPOLLIN | GONE):
                ready[connection] = None
        return ready

    def _other_event(self, descriptor: int) -> None:
        if descriptor == self._wake:
            os.eventfd_read(self._wake)
        elif descriptor in self._listeners:
            self._accept(*self._listeners[descriptor])

    # ------------------------------------------------------------------ connections

    def _accept(self, listener: socket.socket, listener_name: str) -> None:
        for _ in range(ACCEPTS_PER_TURN):
            try:
                client, address = listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in (EMFILE, ENFILE):
                    self._refuse(listener)
                return
            peer = str(address[0])
            connection = self._acceptance.admit(self, listener_name, peer)
            if connection is None:
                client.close()
                continue
            client.setblocking(False)
            for level, option, value in self._options:
                client.setsockopt(level, option, value)
            descriptor = client.fileno()
            self._sockets[descriptor] = (client, connection)
            self._descriptor[connection] = descriptor
            self._epoll.register(
                descriptor,
                select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET,
            )

    def _refuse(self, listener: socket.socket) -> None:
        """Take a connection and close it: one that stays in the queue wakes us for ever."""
        if self._spare >= 0:
            os.close(self._spare)
        try:
            client, address = listener.accept()
            client.close()
            self._acceptance.note_refusal(str(address[0]), "no file descriptor is left")
        except OSError:
            pass  # somebody else took the descriptor, or the client has left
        self._spare = open_spare()

    def collect(self, connection: Connection) -> None:
        """Receive what has arrived, at most one buffer full (``Transport``)."""
        descriptor = self._descriptor.get(connection)
        if descriptor is None or connection.blocked:
            return  # `again` comes when it is no longer blocked
        try:
            space = connection.space()
            if not len(space):
                return
            count = self._sockets[descriptor][0].recv_into(space)
        except BlockingIOError:
            return
        except Malformed as error:
            log.info("connection_malformed", peer=connection.peer, reason=str(error))
            connection.abort()
            return
        except OSError:
            self._drop(connection)
            return
        if count == 0:
            self._drop(connection)
            return
        connection.received(count)
        if count == len(space) or connection in self._hung_up:
            self._again[connection] = None

    def again(self, connection: Connection) -> None:
        """Serve the connection in the next turn (``Transport``)."""
        if connection in self._descriptor:
            self._again[connection] = None
            if self._is_waiting:
                os.eventfd_write(self._wake, 1)

    def send(self, connection: Connection) -> None:
        """Send as much as the socket takes (``Transport``)."""
        descriptor = self._descriptor.get(connection)
        if descriptor is None or connection in self._unsendable:
            return
        client = self._sockets[descriptor][0]
        unsent_bytes = connection.unsent_bytes
        try:
            while connection.output:
                if unsent_bytes - connection.unsent_bytes > SEND_BYTES_PER_TURN:
                    self._unsent[connection] = None
                    return
                if not send_some(client, connection):
                    self._unsendable.add(connection)
                    return
        except OSError:
            self._drop(connection)
            return
        if connection.closing:
            self._drop(connection)

    def close(self, connection: Connection) -> None:
        """Close once the output is out (``Transport``)."""
        if not connection.output:
            self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        descriptor = self._descriptor.pop(connection, None)
        if descriptor is None:
            return
        client, _ = self._sockets.pop(descriptor)
        self._epoll.unregister(descriptor)
        client.close()
        self._unsendable.discard(connection)
        self._again.pop(connection, None)
        self._unsent.pop(connection, None)
        self._hung_up.discard(connection)
        connection.forget()
        self._acceptance.forget(connection)

    def _close_all(self) -> None:
        self.stop_listening()
        for connection in tuple(self._descriptor):
            self._drop(connection)
        if self._spare >= 0:
            os.close(self._spare)
        os.close(self._wake)
        self._epoll.close()


def open_spare() -> int:
    """Return a descriptor of no use but to be closed; -1 if there is none."""
    try:
        return os.open(os.devnull, os.O_RDONLY)
    except OSError:
        return -1


def send_some(client: socket.socket, connection: Connection) -> bool:
    """Send the head of the output; False when the socket is full.

    Raises:
        OSError: the peer is gone, or a range to send is no longer what it was.
    """
    output = connection.output
    head = output[0]
    try:
        if isinstance(head, LogSlice):
            if head.is_stale:
                raise OSError("the segment was cut while its range waited to be sent")
            count = os.sendfile(
                client.fileno(),
                head.file.fileno(),
                head.position,
                min(len(head), SENDFILE_BYTES_MAX),
            )
            if count == 0:
                raise OSError("the segment is shorter than its range")
        else:
            data, more = leading_bytes(output)
            count = client.send(data, socket.MSG_MORE if more else 0)
    except BlockingIOError:
        return False
    drop_sent(output, count)
    connection.sent(count)
    return True


def leading_bytes(output: list[Output]) -> tuple[Buffer, bool]:
    """Return what comes before the first file range, up to a size, and whether more follows."""
    head = output[0]
    assert not isinstance(head, LogSlice)
    if len(output) == 1:
        return head, False
    size = 0
    buffers: list[Buffer] = []
    for item in output:
        if isinstance(item, LogSlice) or size >= JOINED_BYTES_MAX:
            break
        buffers.append(item)
        size += len(item)
    # copied into one: cheaper than a list of short buffers for the kernel
    return b"".join(buffers), len(buffers) < len(output)
