"""Properties files as a list of settings, each with the place that it comes from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from raftkafka.errors import ConfigInvalid

LINE_END = re.compile(r"\r\n|\r|\n")


class Setting(NamedTuple):
    """One key, its text, and where it stands: ``server.properties:12`` or ``--override``."""

    name: str
    text: str
    where: str


def read_properties(path: Path) -> list[Setting]:
    """Read a file in Java's properties format (Latin-1, as Java does), duplicates included.

    Raises:
        ConfigInvalid: it cannot be read, or holds an escape that is none.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigInvalid(f"{path}: {error.strerror}") from error
    return parse_properties(content, path.name)


def parse_properties(content: bytes, name: str) -> list[Setting]:
    """Read the content of a properties file that is called ``name``.

    Raises:
        ConfigInvalid: it holds an escape that is none.
    """
    # 13 ms that a broker without a file does not spend: the package pulls in its XML format
    from javaproperties import InvalidUEscapeError, KeyValue, parse

    settings: list[Setting] = []
    line = 1
    try:
        for element in parse(content):
            if isinstance(element, KeyValue):
                settings.append(Setting(element.key, element.value.strip(), f"{name}:{line}"))
            line += len(LINE_END.findall(element.source))
    except InvalidUEscapeError as error:
        raise ConfigInvalid(f"{name}:{line}: {error}") from error
    return settings
