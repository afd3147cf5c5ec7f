"""Results as people and programs want them: tables on a terminal, TSV in a pipe, or JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, TypeVar, cast

import click

F = TypeVar("F", bound=Callable[..., Any])


class Format(Enum):
    """How results are written."""

    TABLE = "table"
    TSV = "tsv"
    JSON = "json"


class Output:
    """Writes what a command found, in one format."""

    def __init__(self, chosen: Format) -> None:
        self.format = chosen

    def rows(
        self,
        columns: Sequence[str],
        rows: Iterable[Sequence[object]],
        *,
        objects: Sequence[Mapping[str, object]] | None = None,
    ) -> None:
        """Write rows; without a header in TSV. ``objects`` is what JSON shows instead."""
        shown = list(rows)
        match self.format:
            case Format.JSON:
                named = [dict(zip(columns, row, strict=True)) for row in shown]
                self.json(named if objects is None else objects)
            case Format.TSV:
                for row in shown:
                    print("\t".join(_cell(value) for value in row))
            case Format.TABLE:
                _print_table(columns, shown)

    @property
    def is_json(self) -> bool:
        """Whether programs read it as JSON."""
        return self.format is Format.JSON

    def heading(self, text: str) -> None:
        """Write a line above a table; programs get none."""
        if self.format is Format.TABLE:
            print(text)

    def json(self, value: object) -> None:
        """Write one JSON document."""
        indent = 2 if sys.stdout.isatty() else None
        print(json.dumps(value, indent=indent, ensure_ascii=False))

    def done(self, sentence: str, **facts: object) -> None:
        """Say what was done: a sentence for people, the facts for programs."""
        if self.is_json:
            self.json(facts)
        else:
            print(sentence)


def output_option(command: F) -> F:
    """Add ``--format`` to a command, which gets ``output``."""

    def parse(_context: click.Context, _option: click.Parameter, value: str | None) -> Output:
        if value is not None:
            return Output(Format(value))
        return Output(Format.TABLE if sys.stdout.isatty() else Format.TSV)

    return click.option(
        "--format",
        "output",
        type=click.Choice([each.value for each in Format]),
        callback=parse,
        help="How to show results.  [default: table on a terminal, else tsv]",
    )(command)


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether a command line asks for JSON, however wrong it is otherwise."""
    pairs = zip(arguments, [*arguments[1:], ""], strict=True)
    return any(
        word == "--format=json" or (word == "--format" and value == "json") for word, value in pairs
    )


def _cell(value: object) -> str:
    """Return a value as one TSV cell: no tabs, no line ends."""
    text = value_text(value)
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


def value_text(value: object) -> str:
    """Return a value in words: nothing for None, commas within lists."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return ",".join(value_text(each) for each in cast("Sequence[object]", value))
    return str(value)


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    numbers = [
        all(isinstance(row[index], int | None) for row in rows) for index in range(len(columns))
    ]
    for index, name in enumerate(columns):
        table.add_column(
            name.replace("_", " ").upper(),
            justify="right" if numbers[index] else "left",
            overflow="fold",
            no_wrap=index == 0,  # names, to be copied
        )
    for row in rows:
        table.add_row(*(value_text(value) for value in row))
    Console(highlight=False).print(table)
