"""From a file and overrides to a ``BrokerConfig``, with a hint for whatever is not as it seems."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from raftkafka.config.broker_keys import BrokerConfig
from raftkafka.config.keys import InvalidValue
from raftkafka.config.properties import Setting, read_properties
from raftkafka.errors import ConfigInvalid

NOTHING: Mapping[str, str] = MappingProxyType({})


class LoadedConfig(NamedTuple):
    """A broker's configuration, and one line for each thing that its owner should know."""

    config: BrokerConfig
    hints: list[str]


def load(
    path: str | Path | None,
    overrides: Mapping[str, str] = NOTHING,
    defaults: Mapping[str, str] = NOTHING,
) -> LoadedConfig:
    """Read ``path``, if there is one; ``overrides`` win over it, and it over ``defaults``.

    Raises:
        ConfigInvalid: the file cannot be read, or a value is not valid.
    """
    settings = [Setting(name, text, "default") for name, text in defaults.items()]
    if path is not None:
        settings += read_properties(Path(path))
    settings += [Setting(name, text.strip(), "--override") for name, text in overrides.items()]
    given = {setting.name: setting.text for setting in settings}
    where = {setting.name: setting.where for setting in settings}
    known = {name: text for name, text in given.items() if name in BrokerConfig.keys}
    for name, text in known.items():
        try:
            BrokerConfig.keys[name].parse(text)
        except InvalidValue as error:
            raise ConfigInvalid(f"{where[name]}: {error}") from error
    return LoadedConfig(BrokerConfig.of(known, given=MappingProxyType(given)), [])
