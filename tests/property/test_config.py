"""Whatever value a key allows, its text reads back as that value, from a file as well."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftkafka.config.broker_keys import BROKER_KEYS, BrokerConfig
from raftkafka.config.keys import InvalidValue, Key
from raftkafka.config.load import examine
from raftkafka.config.resolve import over
from raftkafka.config.topic_keys import TOPIC_KEYS
from raftkafka.config.validate import check_topic_configs
from raftkafka.config.values import INTEGER_MAX, Type, Value, format_value, parse_type
from raftkafka.errors import KafkaError
from raftkafka.log.log_config import LogConfig

WORDS = st.text("abcXYZ019._-/", min_size=1)
VALUES: dict[Type, st.SearchStrategy[Value]] = {
    Type.BOOLEAN: st.booleans(),
    Type.DOUBLE: st.floats(allow_nan=False, allow_infinity=False),
    Type.STRING: WORDS,
    Type.CLASS: WORDS,
    Type.PASSWORD: WORDS,
    Type.LIST: st.lists(WORDS).map(tuple),
    **{kind: st.integers(-most - 1, most) for kind, most in INTEGER_MAX.items()},
}


@st.composite
def typed_values(draw: st.DrawFn) -> tuple[Type, Value]:
    kind = draw(st.sampled_from(list(Type)))
    return kind, draw(VALUES[kind])


@given(typed_values())
def test_a_value_reads_back(typed: tuple[Type, Value]) -> None:
    kind, value = typed
    text = format_value(value)
    assert text is not None
    assert parse_type(kind, text) == value
    assert parse_type(kind, f"  {text} ") == value


@given(st.sampled_from(list(BROKER_KEYS.values())), st.text())
def test_any_text_is_read_or_refused(key: Key, text: str) -> None:
    with suppress(InvalidValue):
        value = key.parse(text)
        shown = format_value(value)
        assert shown is not None
        assert key.parse(shown) == value


@given(st.dictionaries(st.sampled_from([*TOPIC_KEYS, "foo"]), st.text("0123456789-x,:*")))
def test_any_topic_config_is_taken_or_refused(configs: dict[str, str]) -> None:
    with suppress(KafkaError):
        check_topic_configs(configs)
        over(LogConfig(), configs)


@given(
    st.dictionaries(
        st.sampled_from([*BROKER_KEYS, "port", "host.name", "foo", "log.file.size"]),
        st.text("0123456789-x,:*/ #TLANIPE", max_size=20),
    )
)
def test_any_file_is_taken_or_refused_with_lines(overrides: dict[str, str]) -> None:
    findings = examine(None, overrides)
    assert (findings.config is None) == bool(findings.wrong)


@pytest.mark.parametrize("seed", range(5))
def test_a_configuration_read_from_a_file_reads_back(tmp_path: Path, seed: int) -> None:
    """Write down what a configuration was given, and read the same configuration."""
    chosen = random.Random(seed).sample(sorted(BrokerConfig.keys), 40)
    texts = {name: BrokerConfig.keys[name].default for name in chosen}
    file = tmp_path / "server.properties"
    file.write_text("".join(f"{k}={v}\n" for k, v in texts.items() if v is not None))
    first = examine(file).config
    assert first is not None
    file.write_text("".join(f"{k}={v}\n" for k, v in first.given.items()))
    second = examine(file).config
    assert second is not None
    assert vars(second) == vars(first)
