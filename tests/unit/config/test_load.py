"""A file and overrides become a configuration, or one line that says what is wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import pytest

from raftkafka.config import BrokerConfig, Endpoint, load
from raftkafka.config.broker_keys import BROKER_KEYS
from raftkafka.config.check import check
from raftkafka.config.values import INTEGER_MAX, Type
from raftkafka.errors import ConfigInvalid

PLAINTEXT_9092 = Endpoint("PLAINTEXT", "PLAINTEXT", "", 9092)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "server.properties"


def test_without_anything_a_broker_has_kafkas_defaults() -> None:
    config, hints = load(None)
    assert hints == []
    assert config.listeners == config.advertised_listeners == (PLAINTEXT_9092,)
    assert config.inter_broker_listener_name == "PLAINTEXT"
    assert (config.node_id, config.num_partitions, config.auto_create_topics_enable) == (1, 1, True)
    assert config.log_dirs == ("/tmp/kafka-logs",)
    assert config.metadata_log_dir == "/tmp/kafka-logs"
    assert config.log_retention_ms is None
    assert config.log_retention_hours == 168


def test_a_configuration_made_in_place_has_them_too() -> None:
    config = BrokerConfig(num_partitions=3, log_dirs=("/a", "/b"))
    assert (config.num_partitions, config.metadata_log_dir) == (3, "/a")
    assert config.listeners == (PLAINTEXT_9092,)


def test_a_configuration_is_frozen_and_knows_its_keys() -> None:
    attribute, misspelt = "num_partitions", {"num_partition": 3}
    with pytest.raises(AttributeError, match="frozen"):
        setattr(BrokerConfig(), attribute, 3)
    with pytest.raises(TypeError, match="no such key: num_partition"):
        BrokerConfig.of({}, **misspelt)


def test_overrides_win_over_the_file_and_the_file_over_defaults(file: Path) -> None:
    file.write_text("num.partitions=2\nlog.dirs=/file\n")
    config, hints = load(file, {"num.partitions": "3"}, {"log.dirs": "data", "broker.rack": "r"})
    assert (config.num_partitions, config.log_dirs, config.broker_rack) == (3, ("/file",), "r")
    assert config.given["num.partitions"] == "3"
    assert hints == []


@pytest.mark.parametrize(
    ("line", "refusal"),
    [
        ("num.partitions=0", "Invalid value 0 for configuration num.partitions: "
         "Value must be at least 1"),
        ("num.partitions=two", "Invalid value two for configuration num.partitions: "
         "Not a number of type INT"),
        ("delete.topic.enable=yes", "Invalid value yes for configuration delete.topic.enable: "
         "Expected value to be either true or false"),
        ("log.cleanup.policy=drop", "Invalid value drop for configuration log.cleanup.policy: "
         "String must be one of: compact, delete"),
        ("log.retention.hours=0", "Invalid value 0 for configuration log.retention.hours: "
         "Value must be unlimited (-1) or at least 1"),
        ("compression.type=gzip", "Invalid value gzip for configuration compression.type: "
         "raftkafka keeps the producer's compression, so it must be: producer"),
        ("listeners=9092", "Invalid value 9092 for configuration listeners: Unable to parse 9092 "
         "to a broker endpoint: a listener reads NAME://host:port, for example "
         "PLAINTEXT://localhost:9092"),
        ("num.io.threads=many", "Invalid value many for configuration num.io.threads: "
         "Not a number of type INT"),
    ],
)  # fmt: skip
def test_a_wrong_value_names_file_line_key_value_and_what_is_valid(
    file: Path, line: str, refusal: str
) -> None:
    file.write_text(f"# a comment\n{line}\n")
    with pytest.raises(ConfigInvalid) as raised:
        load(file)
    assert str(raised.value) == f"server.properties:2: {refusal}"
    assert raised.value.exit_code == 2


def test_the_first_of_several_wrong_values_is_told_with_their_number(file: Path) -> None:
    file.write_text("num.partitions=0\nnode.id=x\n")
    with pytest.raises(ConfigInvalid, match=r"^server.properties:1: .* at least 1 \(1 more\)$"):
        load(file)


def test_a_wrong_override_says_that_it_is_one() -> None:
    with pytest.raises(ConfigInvalid, match=r"^--override: Invalid value x"):
        load(None, {"node.id": "x"})


def test_a_secret_is_not_shown() -> None:
    key = BROKER_KEYS["sasl.jaas.config"]
    assert "hunter2" not in str(key.invalid("hunter2", "no"))


def test_start_warns_of_an_unknown_key_and_check_refuses_it(file: Path) -> None:
    file.write_text("num.partition=3\nwholly.other=1\n")
    unknown = [
        "server.properties:1: unknown key num.partition; did you mean num.partitions?",
        "server.properties:2: unknown key wholly.other",
    ]
    assert load(file).hints == unknown
    text, exit_code = check(file)
    assert text.splitlines() == [f"error: {line}" for line in unknown] + [f"{file}: 2 errors"]
    assert exit_code == 2


def test_check_tells_everything_at_once(file: Path) -> None:
    file.write_text("num.partitions=0\nnum.io.threads=4\nlog.retention.hour=1\nnode.id=x\n")
    text, exit_code = check(file)
    assert text.splitlines() == [
        "error: server.properties:1: Invalid value 0 for configuration num.partitions: "
        "Value must be at least 1",
        "error: server.properties:4: Invalid value x for configuration node.id: "
        "Not a number of type INT",
        "error: server.properties:3: unknown key log.retention.hour; "
        "did you mean log.retention.hours?",
        "hint: num.io.threads: no effect: a broker is one event loop on one core; more brokers "
        "use more cores",
        f"{file}: 3 errors",
    ]
    assert exit_code == 2


def test_check_of_a_good_file(file: Path) -> None:
    file.write_text("num.partitions=3\n")
    assert check(file) == (f"{file}: no error\n", 0)
    assert check(file, {"num.partitions": "0"}).exit_code == 2


def test_a_trailing_comment_is_cut_with_one_hint(file: Path) -> None:
    file.write_text("num.partitions=2 # two\nlog.dirs=/a#b\t# here\nsasl.jaas.config=a # b\n")
    config, hints = load(file)
    assert (config.num_partitions, config.log_dirs) == (2, ("/a#b",))
    assert config.given["sasl.jaas.config"] == "a # b", "a secret may hold anything"
    assert hints[0] == (
        "cut off a comment after the value of num.partitions (server.properties:1), log.dirs "
        "(server.properties:2): a comment needs its own line"
    )


def test_of_a_key_that_comes_twice_the_last_one_holds(file: Path) -> None:
    file.write_text("num.partitions=2\nnum.partitions=3\n")
    config, hints = load(file)
    assert config.num_partitions == 3
    assert hints == [
        "server.properties:2: num.partitions is set again; this value holds, not the one of "
        "server.properties:1"
    ]


def test_keys_without_effect_are_hinted_at_once_for_each_reason(file: Path) -> None:
    file.write_text(
        "num.network.threads=3\nzookeeper.connect=localhost:2181\nnum.io.threads=8\n"
        "zookeeper.connection.timeout.ms=6000\ngroup.initial.rebalance.delay.ms=0\n"
    )
    assert load(file).hints == [
        "num.network.threads, num.io.threads: no effect: a broker is one event loop on one core; "
        "more brokers use more cores",
        "zookeeper.connect, zookeeper.connection.timeout.ms: no effect: no ZooKeeper is needed: "
        "the brokers keep their metadata themselves",
        "group.initial.rebalance.delay.ms: takes effect with consumer groups",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "authorizer.class.name=kafka.security.authorizer.AclAuthorizer",
        "create.topic.policy.class.name=org.example.Policy",
        "alter.config.policy.class.name=org.example.Policy",
        "client.quota.callback.class=org.example.Quota",
        "principal.builder.class=org.example.Builder",
        "config.providers=file",
        "remote.log.storage.system.enable=true",
        "cordoned.log.dirs=/a",
    ],
)
def test_a_key_that_would_do_harm_if_ignored_is_refused(file: Path, line: str) -> None:
    file.write_text(line)
    with pytest.raises(ConfigInvalid, match=f"^server.properties:1: {line} is refused: "):
        load(file)


@pytest.mark.parametrize(
    "line", ["authorizer.class.name=", "remote.log.storage.system.enable=false"]
)
def test_such_a_key_at_its_default_is_accepted(file: Path, line: str) -> None:
    file.write_text(line)
    assert load(file).hints == []


def test_every_attribute_is_annotated_with_what_its_key_holds() -> None:
    hints = get_type_hints(BrokerConfig)
    types = {
        Type.BOOLEAN: bool,
        Type.DOUBLE: float,
        Type.STRING: str,
        Type.LIST: tuple[str, ...],
        **dict.fromkeys(INTEGER_MAX, int),
    }
    for name, attribute in BrokerConfig.attributes.items():
        key = BROKER_KEYS[name]
        assert attribute == name.replace(".", "_")
        if key.read is None:
            expected = types[key.type]
            assert hints[attribute] == (expected if key.default is not None else expected | None)


def test_every_key_with_an_attribute_says_what_it_is_for() -> None:
    assert [name for name, key in BrokerConfig.keys.items() if not key.doc] == []


def test_a_start_without_a_file_imports_nothing_that_is_slow() -> None:
    slow = {"javaproperties", "difflib", "trio", "structlog", "asyncio", "socket", "urllib.request"}
    script = "import sys, raftkafka.config as c; c.load(None); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert slow.isdisjoint(done.stdout.split())
