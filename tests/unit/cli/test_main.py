"""How the command line ends: exit codes, one line on stderr, suggestions, formats, imports."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import click
import pytest

from raftkafka.cli.main import COMMANDS, raftkafka, run
from raftkafka.cli.output import Format, Output
from raftkafka.cli.report import one_line, run_quietly
from raftkafka.client.errors import ClientError

NOBODY = ("--bootstrap-server", "127.0.0.1:1")
HEAVY = {"trio", "structlog", "confluent_kafka", "rich", "javaproperties", "raftkafka.server"}


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["topc"], "error: No such command 'topc'; did you mean topic?"),
        (["topic", "lst"], "error: No such command 'lst'; did you mean list?"),
        (["topic", "list", "--formt", "x"], "; did you mean --format?"),
        (["nonsense"], "error: No such command 'nonsense'; see raftkafka --help"),
        (["topic", "create"], "error: Missing argument 'TOPIC'; see raftkafka topic create --help"),
        (["topic", "create", "t", "-p", "0"], "0 is not in the range x>=1"),
        (["topic", "create", "t", "-c", "novalue"], "error: 'novalue' is no key=value"),
        (["topic", "alter", "t"], "error: nothing to alter; give --partitions, --config or"),
        (["config", "describe", "topics"], "error: 'topics' is none of {topic NAME | broker ID"),
        (["config", "alter", "topic", "t"], "error: nothing to alter; give KEY=VALUE or"),
        (["produce", "t", "-H", "x"], "error: 'x' is no NAME=VALUE"),
    ],
)
def test_wrong_usage_is_exit_code_2(
    arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert line in written.err
    assert written.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["topic", "list"],
        ["topic", "describe"],
        ["topic", "create", "t"],
        ["topic", "delete", "t"],
        ["config", "describe", "topic", "t"],
        ["config", "alter", "brokers", "a=b"],
        ["cluster", "id"],
        ["cluster", "log-dirs"],
        ["quorum", "describe"],
        ["quorum", "readmit", "1"],
        ["consume", "t"],
        ["produce", "t", os.devnull],
    ],
)
def test_without_a_broker_every_command_says_what_to_type(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, *NOBODY]) == 1
    expected = "error: no broker at 127.0.0.1:1; start one with `raftkafka start`\n"
    assert capsys.readouterr().err == expected


def test_errors_are_json_where_results_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["topic", "list", *NOBODY, "--format", "json"]) == 1
    assert json.loads(capsys.readouterr().err) == {
        "error": {
            "message": "no broker at 127.0.0.1:1",
            "code": None,
            "hint": "start one with `raftkafka start`",
        }
    }
    assert run(["topic", "lst", "--format=json"]) == 2
    assert "No such command" in json.loads(capsys.readouterr().err)["error"]["message"]


def test_the_bootstrap_server_can_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAFTKAFKA_BOOTSTRAP", "127.0.0.1:2")
    assert run(["topic", "list"]) == 1
    assert "no broker at 127.0.0.1:2" in capsys.readouterr().err


def test_the_list_of_commands_imports_none_and_matches_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    context = click.Context(raftkafka)
    for name, lazy in COMMANDS.items():
        assert lazy.text in shown
        command = raftkafka.get_command(context, name)
        assert command is not None
        assert command.name == name


@pytest.mark.parametrize(
    "arguments", [["topic", "list", *NOBODY], ["config", "describe", "brokers", *NOBODY]]
)
def test_admin_commands_import_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import sys; from raftkafka.cli.main import run; run(sys.argv[1:]); "
        "print(*sys.modules, file=sys.stdout)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    assert HEAVY.isdisjoint(done.stdout.split())


def test_ctrl_c_and_a_closed_pipe_end_quietly(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    assert run_quietly(interrupted) == 130
    program = (
        "import sys\nfrom raftkafka.cli.report import run_quietly\n"
        "def body():\n    while True: print('x' * 1000)\n"
        "sys.exit(run_quietly(body))"
    )
    reader = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    assert reader.stdout is not None
    assert reader.stderr is not None
    reader.stdout.close()
    assert (reader.wait(20), reader.stderr.read()) == (141, b"")
    reader.stderr.close()


def test_an_error_is_one_line_whatever_it_holds() -> None:
    assert one_line(ClientError("a\n  b", hint="c")) == "a b; c"


ROWS = [("t", 0, None, (1, 2), True), ("a\tb", 1, 3, (), False)]
COLUMNS = ("topic", "partition", "leader", "isr", "internal")


def test_tsv_has_no_header_and_one_line_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    Output(Format.TSV).rows(COLUMNS, ROWS)
    assert capsys.readouterr().out == "t\t0\t\t1,2\ttrue\na\\tb\t1\t3\t\tfalse\n"


def test_json_has_names_and_types(capsys: pytest.CaptureFixture[str]) -> None:
    Output(Format.JSON).rows(COLUMNS, ROWS)
    first = json.loads(capsys.readouterr().out)[0]
    assert first == {"topic": "t", "partition": 0, "leader": None, "isr": [1, 2], "internal": True}


def test_a_table_has_a_header(capsys: pytest.CaptureFixture[str]) -> None:
    Output(Format.TABLE).rows(COLUMNS, ROWS)
    header, _, first, *_ = capsys.readouterr().out.splitlines()
    assert header.split() == ["TOPIC", "PARTITION", "LEADER", "ISR", "INTERNAL"]
    assert first.split() == ["t", "0", "1,2", "true"]


@pytest.mark.parametrize(("terminal", "format_"), [(True, Format.TABLE), (False, Format.TSV)])
def test_a_terminal_gets_tables_and_a_pipe_gets_tsv(terminal: bool, format_: Format) -> None:
    program = (
        "import click\nfrom raftkafka.cli.output import output_option\n"
        "@click.command()\n@output_option\ndef main(output): print(output.format.value)\n"
        "main([])"
    )
    command = [sys.executable, "-c", program]
    root = Path(__file__).parents[3]
    if not terminal:
        shown = subprocess.run(command, capture_output=True, check=True, cwd=root).stdout
    else:
        ours, theirs = pty.openpty()
        subprocess.run(command, stdout=theirs, check=True, cwd=root)
        shown = os.read(ours, 100)
        os.close(ours)
        os.close(theirs)
    assert shown.decode().strip() == format_.value


def test_a_file_is_checked_and_exit_code_2_says_that_it_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "server.properties"
    path.write_text("broker.id=3\nnum.partition=4\n")
    assert run(["config", "check", str(path)]) == 2
    assert "unknown key num.partition; did you mean num.partitions?" in capsys.readouterr().out
    assert run(["config", "check", "--format", "json", str(path)]) == 2
    found = json.loads(capsys.readouterr().out)
    assert (found["valid"], len(found["errors"])) == (False, 1)
    path.write_text("broker.id=3\n")
    assert run(["config", "check", str(path)]) == 0


def test_the_table_of_keys_as_a_page_and_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "docs"]) == 0
    assert "| `log.retention.hours` |" in capsys.readouterr().out
    assert run(["config", "docs", "--format", "json"]) == 0
    keys = {(row["of"], row["key"]) for row in json.loads(capsys.readouterr().out)}
    assert {("broker", "log.dirs"), ("topic", "retention.ms")} <= keys


def test_a_wrong_configuration_does_not_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "server.properties"
    path.write_text("num.partitions=none\n")
    assert run(["start", str(path)]) == 2
    assert capsys.readouterr().err.startswith("error: server.properties:1: ")
    assert run(["start", str(tmp_path / "nosuch")]) == 2
