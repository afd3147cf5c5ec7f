"""The ``raftkafka`` command: groups that are imported when they are used, and how it all ends."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple, cast

import click

from raftkafka.cli.output import wants_json
from raftkafka.cli.report import (
    FAILED,
    INTERRUPTED,
    USAGE,
    UsageError,
    did_you_mean,
    one_line,
    run_quietly,
    say,
)
from raftkafka.client.errors import ClientError
from raftkafka.errors import FatalError

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Lazy(NamedTuple):
    """Where a command is, and what the list of commands says of it."""

    module: str
    name: str
    text: str


COMMANDS = {
    "start": Lazy("start", "start", "Run a broker in the foreground."),
    "dev": Lazy("dev", "dev", "Run a whole cluster on this machine in the foreground."),
    "topic": Lazy("topic", "topic", "Create, list, describe, alter and delete topics."),
    "produce": Lazy("produce", "produce", "Send messages to a topic."),
    "consume": Lazy("consume", "consume", "Read the messages of a topic."),
    "config": Lazy("config", "config", "Describe and alter configurations; check a file."),
    "cluster": Lazy("cluster", "cluster", "Show the cluster, its brokers and their disks."),
    "quorum": Lazy("quorum", "quorum", "Show the metadata quorum; let a voter in again."),
    "secret": Lazy("secret", "secret", "Make the secret that the nodes of a cluster share."),
    "log": Lazy("log", "log", "Look into log files."),
    "home": Lazy("home", "home", "Write a folder like Kafka's: bin/*.sh and config/*."),
}


class LazyGroup(click.Group):
    """The commands of ``COMMANDS``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        lazy = COMMANDS.get(cmd_name)
        if lazy is None:
            return None
        module = import_module(f"raftkafka.cli.{lazy.module}")
        return cast("click.Command", getattr(module, lazy.name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, lazy.text) for name, lazy in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings=CONTEXT)
@click.version_option(package_name="raftkafka")
def raftkafka() -> None:
    """Run and use a Kafka-compatible broker."""


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code: 0 done, 1 failed, 2 wrong usage."""
    return run_quietly(lambda: _guarded(list(arguments)))


def _guarded(arguments: list[str]) -> int:
    try:
        result: object = raftkafka.main(arguments, prog_name="raftkafka", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message())
        return USAGE
    except click.UsageError as error:
        return _end(arguments, _from_click(error), USAGE)
    except click.Abort:
        return INTERRUPTED
    except UsageError as error:
        return _end(arguments, error, USAGE)
    except ClientError as error:
        return _end(arguments, error, FAILED)
    except FatalError as error:
        return _end(arguments, error, error.exit_code)
    return result if isinstance(result, int) else 0


def _from_click(error: click.UsageError) -> UsageError:
    """Return click's error with a hint: the nearest command or option, or ``--help``."""
    # Some versions of click have a suggestion of their own, in words of their own.
    message = error.format_message().partition(" Did you mean")[0].rstrip(".")
    context = error.ctx
    if context is None:
        return UsageError(message)
    known: list[str] = []
    if isinstance(error, click.NoSuchOption):
        known = [name for each in context.command.get_params(context) for name in each.opts]
    elif isinstance(context.command, click.Group):
        known = context.command.list_commands(context)
    words = [word.strip("'\"") for word in message.split()]
    close = next(filter(None, (did_you_mean(word, known) for word in words)), None)
    return UsageError(message, hint=close or f"see {context.command_path} --help")


def _end(arguments: Sequence[str], error: ClientError | FatalError, code: int) -> int:
    sys.stdout.flush()
    if wants_json(arguments):
        content = {"message": str(error), "code": None, "hint": None}
        if isinstance(error, ClientError):
            content["hint"] = error.hint
            content["code"] = None if error.code is None else error.code.name
        say(json.dumps({"error": content}))
    else:
        say(f"error: {one_line(error)}")
    return code
