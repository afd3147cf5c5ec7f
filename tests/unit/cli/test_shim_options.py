"""Options are read as Kafka's tools read them: joptsimple's rules and its words for mistakes."""

from __future__ import annotations

import pytest

from raftkafka.cli.report import UsageError
from raftkafka.cli.shims.options import OptionParser, Options


def read(line: str, *, needs_options: bool = False) -> Options:
    parser = OptionParser("kafka-tool", "Does things.", needs_options=needs_options)
    parser.flag("list", "list")
    parser.value("topic", "the topic")
    parser.value("time", None, default="latest")
    parser.value("partitions", "how many", int)
    parser.value("compression-codec", "codec", without_value="gzip")
    parser.value("bootstrap-server", "where", also=("-b", "--broker-list"))
    parser.values("property", "a property")
    parser.values("props", "properties", many=True)
    return parser.read(line.split())


def test_values_come_behind_a_space_or_an_equals_sign() -> None:
    options = read("--topic t --partitions=3 --list")
    assert options.get("topic", str) == "t"
    assert options.get("partitions", int) == 3
    assert "list" in options
    assert options.get("list", bool) is True


def test_a_value_may_start_with_a_dash() -> None:
    assert read("--time -2").get("time", str) == "-2"


def test_defaults_hold_for_options_that_are_not_given() -> None:
    options = read("")
    assert "time" not in options
    assert options.get("time", str) == "latest"
    assert options.get("topic", str) is None
    assert options.all("property") == []


def test_repeated_options_gather_their_values() -> None:
    assert read("--property a=1 --property b=2").all("property") == ["a=1", "b=2"]
    assert read("--props a=1 b=2 --list").all("props") == ["a=1", "b=2"]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("--compression-codec", "gzip"),
        ("--compression-codec --list", "gzip"),
        ("--compression-codec lz4", "lz4"),
    ],
)
def test_an_optional_value(line: str, value: str) -> None:
    assert read(line).get("compression-codec", str) == value


def test_words_of_no_option_are_left_alone() -> None:
    assert read("--list some words").words == ["some", "words"]


def test_other_spellings_stand_for_the_name() -> None:
    assert read("-b host:1").get("bootstrap-server", str) == "host:1"
    assert read("--broker-list host:1").get("bootstrap-server", str) == "host:1"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--nosuch", "nosuch is not a recognized option"),
        ("--lis", "lis is not a recognized option"),
        ("--topic", "Option topic requires an argument"),
        ("--partitions x", "Cannot parse argument 'x' of option partitions"),
        (
            "--topic a --topic b",
            "Found multiple arguments for option topic, but you asked for only one",
        ),
    ],
)
def test_mistakes_in_the_words_of_kafka(line: str, message: str) -> None:
    with pytest.raises(UsageError) as failure:
        read(line)
    assert failure.value.message == message


def test_a_misspelt_option_gets_a_suggestion() -> None:
    with pytest.raises(UsageError) as failure:
        read("--topics t")
    assert failure.value.hint == "did you mean --topic?"


def test_required_and_exclusive_options() -> None:
    with pytest.raises(UsageError, match="Missing required argument"):
        read("").must("topic", str)
    with pytest.raises(UsageError, match="can't be used with option"):
        read("--list --topic t").forbid("list", "topic")


def test_a_tool_without_options_shows_its_help_and_fails(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as end:
        read("", needs_options=True)
    assert end.value.code == 1
    assert capsys.readouterr().err.startswith("Does things.\n\nusage: kafka-tool [options]\n")


def test_help_and_version_go_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    for word in ("--help", "--version"):
        with pytest.raises(SystemExit) as end:
            read(word)
        assert end.value.code == 0
    shown, _, version = capsys.readouterr().out.rpartition("4.3.1")
    assert "--partitions PARTITIONS" in shown
    assert "--time" not in shown, "what has no text is not shown"
    assert version == " (raftkafka)\n"
