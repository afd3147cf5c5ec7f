"""The published image: what is committed and applied here, and who is told of changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from metadata.delta import Delta, difference
from metadata.image import EMPTY, MetadataImage
from metadata.replay import replay_command
from metadata.snapshot import encode_snapshot, restore_snapshot

Subscriber = Callable[[Delta], None]


class Publisher:
    """Applies committed commands in order; every node has one, whoever the controller is."""

    def __init__(self) -> None:
        self.image: MetadataImage = EMPTY
        self._subscribers: list[Subscriber] = []

    def subscribe(self, subscriber: Subscriber) -> None:
        """Call ``subscriber`` with each step from now on, in order and before the next one.

        What it raises ends the process: a half-told step would leave the node in two minds.
        """
        self._subscribers.append(subscriber)

    def apply(self, index: int, command: bytes) -> Delta:
        """Apply one committed command, publish the step, and return it."""
        delta = replay_command(self.image, index, command)
        self._publish(delta)
        return delta

    def snapshot(self) -> Iterator[bytes]:
        """Return the chunks of a snapshot of the present image."""
        return encode_snapshot(self.image)

    def restore(self, snapshot: bytes) -> None:
        """Take the image of a snapshot, and publish what differs as one step."""
        self._publish(difference(self.image, restore_snapshot(snapshot)))

    def _publish(self, delta: Delta) -> None:
        self.image = delta.image
        for subscriber in self._subscribers:
            subscriber(delta)
