"""Names that keys had in older releases, and what those keys say in today's.

Kafka 0.7 to 3.9. Each translation ends up in a hint, so that the reader learns today's name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from raftkafka.config.properties import Setting
from raftkafka.config.values import Type, parse_integer
from raftkafka.errors import ConfigInvalid

DEFAULT_PORT = "9092"


class Renamed(NamedTuple):
    """An old name: today's keys, and what a value has to be multiplied by."""

    names: tuple[str, ...]
    factor: int = 1


RENAMED = {
    "brokerid": Renamed(("broker.id",)),
    "hostname": Renamed(("host.name",)),
    "log.cleanup.interval.mins": Renamed(("log.retention.check.interval.ms",), 60_000),
    "log.default.flush.interval.ms": Renamed(("log.flush.interval.ms",)),
    "log.default.flush.scheduler.interval.ms": Renamed(("log.flush.scheduler.interval.ms",)),
    "log.file.size": Renamed(("log.segment.bytes",)),
    "log.flush.interval": Renamed(("log.flush.interval.messages",)),
    "log.message.timestamp.difference.max.ms": Renamed(
        ("log.message.timestamp.before.max.ms", "log.message.timestamp.after.max.ms")
    ),
    "log.retention.size": Renamed(("log.retention.bytes",)),
    "max.message.size": Renamed(("message.max.bytes",)),
    "max.socket.request.bytes": Renamed(("socket.request.max.bytes",)),
    "socket.receive.buffer": Renamed(("socket.receive.buffer.bytes",)),
    "socket.send.buffer": Renamed(("socket.send.buffer.bytes",)),
}

PARTS_OF_LISTENERS = {
    "host.name": "the host of listeners",
    "port": "the port of listeners",
    "advertised.host.name": "the host of advertised.listeners",
    "advertised.port": "the port of advertised.listeners",
}
"""Old keys that are now parts of another, with what they say."""

OLD_NAMES = frozenset(RENAMED) | frozenset(PARTS_OF_LISTENERS)


def modernize(settings: dict[str, Setting], hint: Callable[[str], None]) -> dict[str, Setting]:
    """Return the settings in today's names; a key that is set by both names keeps the new one.

    Raises:
        ConfigInvalid: an old key has a value that is not valid.
    """
    modern = dict(settings)
    for old, renamed in RENAMED.items():
        setting = modern.pop(old, None)
        if setting is None:
            continue
        text = setting.text
        if renamed.factor != 1:
            text = str(whole_number(setting) * renamed.factor)
        for name in renamed.names:
            modern.setdefault(name, setting._replace(name=name, text=text))
        hint(f"{setting.where}: {old} is now called {' and '.join(renamed.names)}")
    combine_listeners(modern, hint)
    agree_on_id(modern)
    return modern


def whole_number(setting: Setting) -> int:
    """Read the value of an old key.

    Raises:
        ConfigInvalid: it is no number.
    """
    try:
        return parse_integer(Type.INT, setting.text)
    except ValueError as error:
        raise ConfigInvalid(
            f"{setting.where}: Invalid value {setting.text} for configuration {setting.name}: "
            f"{error}"
        ) from error


def combine_listeners(modern: dict[str, Setting], hint: Callable[[str], None]) -> None:
    """Replace host.name, port and their advertised forms by the listeners that they mean.

    Kafka up to 2.8 did so, where listeners was not set.

    Raises:
        ConfigInvalid: a port is no number.
    """
    parts = {name: modern.pop(name) for name in PARTS_OF_LISTENERS if name in modern}
    if not parts:
        return
    names, first = ", ".join(parts), next(iter(parts.values()))
    if "listeners" in modern:
        hint(f"{first.where}: no effect beside listeners: {names}")
        return
    for name in ("port", "advertised.port"):
        if name in parts:
            whole_number(parts[name])

    def part(*candidates: str, default: str) -> str:
        return next((parts[name].text for name in candidates if name in parts), default)

    listener = listener_text(part("host.name", default=""), part("port", default=DEFAULT_PORT))
    modern["listeners"] = Setting("listeners", listener, first.where)
    told = listener_text(
        part("advertised.host.name", "host.name", default=""),
        part("advertised.port", "port", default=DEFAULT_PORT),
    )
    if told != listener:
        modern.setdefault(
            "advertised.listeners", Setting("advertised.listeners", told, first.where)
        )
    advertised = modern.get("advertised.listeners")
    meaning = f"listeners={listener}"
    if advertised is not None:
        meaning += f" and advertised.listeners={advertised.text}"
    hint(f"{first.where}: {names}: old names, read as {meaning}")


def listener_text(host: str, port: str) -> str:
    """Return a listener of today's form."""
    return f"PLAINTEXT://{f'[{host}]' if ':' in host else host}:{port}"


def agree_on_id(modern: dict[str, Setting]) -> None:
    """See to it that broker.id and node.id, its newer name, do not differ.

    Raises:
        ConfigInvalid: they do.
    """
    old, new = modern.get("broker.id"), modern.get("node.id")
    if old is None:
        return
    if old.text == "-1":
        del modern["broker.id"]  # "give me one", said a broker beside a ZooKeeper
    elif new is not None and old.text != new.text:
        raise ConfigInvalid(
            f"{old.where}: broker.id={old.text} and node.id={new.text} name the same thing and "
            "differ; keep node.id"
        )
