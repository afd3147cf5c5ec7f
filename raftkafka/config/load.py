"""From a file and overrides to a ``BrokerConfig``, with a hint for whatever is not as it seems."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from raftkafka.config.broker_keys import BROKER_KEYS, BrokerConfig, effect_of
from raftkafka.config.keys import DOES, Effect, EffectKind, InvalidValue
from raftkafka.config.old_names import OLD_NAMES, modernize
from raftkafka.config.properties import Setting, read_properties
from raftkafka.config.rules import breaches, remarks
from raftkafka.config.suggest import did_you_mean
from raftkafka.errors import ConfigInvalid

NOTHING: Mapping[str, str] = MappingProxyType({})
OVERRIDE = "--override"
TRAILING_COMMENT = re.compile(r"\s+#.*")


class LoadedConfig(NamedTuple):
    """A broker's configuration, and one line for each thing that its owner should know."""

    config: BrokerConfig
    hints: list[str]


@dataclass
class Findings:
    """What a file and its overrides turned out to hold; one line each.

    ``config`` is there if nothing is wrong. Unknown keys are not wrong by themselves: Kafka
    starts with them.
    """

    wrong: list[str] = field(default_factory=list[str])
    unknown: list[str] = field(default_factory=list[str])
    hints: list[str] = field(default_factory=list[str])
    config: BrokerConfig | None = None


def load(
    path: str | Path | None,
    overrides: Mapping[str, str] = NOTHING,
    defaults: Mapping[str, str] = NOTHING,
) -> LoadedConfig:
    """Read ``path``, if there is one; ``overrides`` win over it, and it over ``defaults``.

    Raises:
        ConfigInvalid: the file cannot be read, or a value is not valid; the first of them, with
            its key, its value, what is valid, file and line.
    """
    findings = examine(path, overrides, defaults)
    if findings.config is None:
        more = f" ({len(findings.wrong) - 1} more)" if len(findings.wrong) > 1 else ""
        raise ConfigInvalid(findings.wrong[0] + more)
    return LoadedConfig(findings.config, findings.unknown + findings.hints)


def examine(
    path: str | Path | None,
    overrides: Mapping[str, str] = NOTHING,
    defaults: Mapping[str, str] = NOTHING,
) -> Findings:
    """Read as ``load`` does, and tell everything that is wrong instead of the first thing."""
    findings = Findings()
    try:
        settings = [Setting(name, text, "default") for name, text in defaults.items()]
        settings += read_properties(Path(path)) if path is not None else []
        settings += [Setting(name, text, OVERRIDE) for name, text in overrides.items()]
        modern = modernize(last_of_each(settings, findings), findings.hints.append)
    except ConfigInvalid as error:
        findings.wrong.append(str(error))
        return findings
    tell_unknown(modern.values(), findings)
    tell_effects(modern.values(), findings)
    check_values(modern.values(), findings)
    if not findings.wrong:
        combine(modern, findings)
    return findings


def last_of_each(settings: list[Setting], findings: Findings) -> dict[str, Setting]:
    """Return the last setting of each key, without a trailing comment."""
    last: dict[str, Setting] = {}
    cut: list[str] = []
    for setting in settings:
        key = BROKER_KEYS.get(setting.name)
        text = setting.text
        if setting.where != OVERRIDE and not (key is not None and key.is_sensitive):
            text = TRAILING_COMMENT.sub("", text, count=1)
        if text != setting.text:
            cut.append(f"{setting.name} ({setting.where})")
        before = last.get(setting.name)
        if before is not None and setting.where != OVERRIDE and before.where != "default":
            findings.hints.append(
                f"{setting.where}: {setting.name} is set again; this value holds, not the one of "
                f"{before.where}"
            )
        last[setting.name] = setting._replace(text=text.strip())
    if cut:
        findings.hints.append(
            f"cut off a comment after the value of {', '.join(cut)}: a comment needs its own line"
        )
    return last


def tell_unknown(settings: Iterable[Setting], findings: Findings) -> None:
    """Name the keys that nobody knows, each with the known one that is closest."""
    for setting in settings:
        if effect_of(setting.name) is None:
            close = did_you_mean(setting.name, [*BROKER_KEYS, *OLD_NAMES])
            findings.unknown.append(f"{setting.where}: unknown key {setting.name}{close}")


def tell_effects(settings: Iterable[Setting], findings: Findings) -> None:
    """Hint at keys that change nothing, or nothing yet: one line for each reason."""
    names: dict[Effect, list[str]] = {}
    for setting in settings:
        effect = effect_of(setting.name) or DOES
        if effect.kind in (EffectKind.NONE, EffectKind.LATER):
            names.setdefault(effect, []).append(setting.name)
    findings.hints += [f"{', '.join(keys)}: {effect}" for effect, keys in names.items()]


def check_values(settings: Iterable[Setting], findings: Findings) -> None:
    """Read every value, and refuse those of keys that would do harm if they were ignored."""
    for setting in settings:
        key = BROKER_KEYS.get(setting.name)
        if key is None:
            continue
        try:
            value = key.parse(setting.text)
        except InvalidValue as error:
            findings.wrong.append(f"{setting.where}: {error}")
            continue
        if key.effect.kind is EffectKind.REFUSED and value not in (key.default_value, "", ()):
            findings.wrong.append(
                f"{setting.where}: {key.name}={setting.text} is refused: {key.effect.why}; "
                f"remove it{f' or set it to {key.default}' if key.default else ''}"
            )


def combine(settings: Mapping[str, Setting], findings: Findings) -> None:
    """Make the configuration, if the keys go together."""
    texts = {name: setting.text for name, setting in settings.items()}
    node_id = texts.get("node.id", texts.get("broker.id"))
    if node_id is not None:
        texts["node.id"] = texts["broker.id"] = node_id
    config = BrokerConfig.of(
        {name: text for name, text in texts.items() if name in BrokerConfig.keys},
        given=MappingProxyType(texts),
    )
    for key, why in breaches(config):
        setting = settings.get(key)
        # what follows from defaults is told where the key would stand
        place = f"{setting.where}: {key}={setting.text}" if setting is not None else key
        findings.wrong.append(f"{place}: {why}")
    if findings.wrong:
        return
    findings.config = config
    findings.hints += remarks(config)
