"""The options of Kafka's tools, read as Kafka reads them (joptsimple), which argparse cannot.

Names are never abbreviated; a value may start with a dash; words that belong to no option
are ignored; an option that takes one value is given once. Every failure is exit code 1,
where a usage error of ``raftkafka`` itself is 2.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, NoReturn, TypeVar

from raftkafka.cli.report import FAILED, UsageError, did_you_mean, one_line, run_quietly, say
from raftkafka.client.errors import ClientError
from raftkafka.errors import FatalError

T = TypeVar("T")

KAFKA_VERSION = "4.3.1"
"""Whose tools these stand for; scripts read it from ``--version``."""


class Takes(Enum):
    """What follows an option's name."""

    NOTHING = auto()
    ONE = auto()
    MAYBE_ONE = auto()
    """A value, unless an option follows."""
    MANY = auto()
    """All words up to the next option."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option. ``text`` is for ``--help``; without it the option is not shown there."""

    name: str
    takes: Takes
    text: str | None
    kind: Callable[[str], object] = str
    default: object = None
    without_value: object = None
    """For MAYBE_ONE: the value of an option that is given without one."""
    repeats: bool = False
    also: tuple[str, ...] = ()
    """Other spellings, dashes included."""


class Options:
    """What was given. Values have their kind's type, or are lists of it."""

    def __init__(self, parser: OptionParser, values: dict[str, Any], words: list[str]) -> None:
        self._parser = parser
        self._values = values
        self.words = words
        """What belongs to no option."""

    def __contains__(self, name: str) -> bool:
        """Whether the option was given."""
        return name in self._values

    def get(self, name: str, kind: type[T]) -> T | None:
        """Return the value, or the default, of an option that is given once."""
        value = self._values.get(name, self._parser.options[name].default)
        if value is None:
            return None
        assert isinstance(value, kind), name
        return value

    def must(self, name: str, kind: type[T]) -> T:
        """Return the value, or the default; fail without either."""
        value = self.get(name, kind)
        if value is None:
            self.fail(f'Missing required argument "[{name}]"')
        return value

    def all(self, name: str) -> list[str]:
        """Return the values of an option that may be given again."""
        return list(self._values.get(name, ()))

    def fail(self, message: str) -> NoReturn:
        """Raise a usage error that points to ``--help``."""
        raise UsageError(message, hint=f"see {self._parser.tool} --help")

    def forbid(self, beside: str, *names: str) -> None:
        """Fail if one of these options is given beside another one."""
        for name in names:
            if name in self:
                self.fail(f'Option "[{name}]" can\'t be used with option "[{beside}]"')


class OptionParser:
    """The options of one tool."""

    def __init__(self, tool: str, purpose: str, *, needs_options: bool = True) -> None:
        """Begin with no options.

        Args:
            tool: its name.
            purpose: the sentence at the top of ``--help``.
            needs_options: without any, show what ``--help`` shows and fail.
        """
        self.tool = tool
        self.options: dict[str, Option] = {}
        self._purpose = purpose
        self._needs_options = needs_options

    def flag(self, name: str, text: str | None, *, also: tuple[str, ...] = ()) -> None:
        """Declare an option without a value: False, or True if given."""
        self._add(Option(name, Takes.NOTHING, text, default=False, also=also))

    def value(
        self,
        name: str,
        text: str | None,
        kind: Callable[[str], object] = str,
        *,
        default: object = None,
        without_value: object = None,
        also: tuple[str, ...] = (),
    ) -> None:
        """Declare an option that is given once: its value, or the default.

        Args:
            name: without the dashes.
            text: for ``--help``.
            kind: makes the value from its text, or raises ``ValueError``.
            default: the value of an option that is not given.
            without_value: the value of one that is given without; None requires a value.
            also: other spellings, dashes included.
        """
        takes = Takes.ONE if without_value is None else Takes.MAYBE_ONE
        self._add(Option(name, takes, text, kind, default, without_value, also=also))

    def values(
        self, name: str, text: str | None, *, many: bool = False, also: tuple[str, ...] = ()
    ) -> None:
        """Declare an option that may be given again (``many``: with several words): a list."""
        takes = Takes.MANY if many else Takes.ONE
        self._add(Option(name, takes, text, repeats=True, also=also))

    def read(self, arguments: Sequence[str]) -> Options:
        """Return what is given; ``--help`` and ``--version`` print and exit.

        Raises:
            UsageError: no such option, a missing value, one too many, or one that cannot be.
        """
        if self._needs_options and not arguments:
            say(self.help())
            raise SystemExit(FAILED)
        names = self._spellings()
        values: dict[str, Any] = {}
        loose: list[str] = []
        rest = _Words(arguments)
        for word in rest:
            if word in ("--help", "-h"):
                print(self.help())
                raise SystemExit(0)
            if word == "--version":
                print(f"{KAFKA_VERSION} (raftkafka)")
                raise SystemExit(0)
            name, equals, tied = word.partition("=")
            option = names.get(name)
            if option is None:
                if word.startswith("-") and len(word) > 1:
                    self._fail_unknown(name.lstrip("-"))
                loose.append(word)
                continue
            given = [tied] if equals else list(self._following(option, rest))
            self._store(option, given, values)
        return Options(self, values, loose)

    def help(self) -> str:
        """Return what ``--help`` prints."""
        from textwrap import wrap

        lines = [self._purpose, "", f"usage: {self.tool} [options]", ""]
        for option in sorted(self.options.values(), key=lambda option: option.name):
            if option.text is None:
                continue
            name = ", ".join((f"--{option.name}", *option.also))
            if option.takes != Takes.NOTHING:
                value = option.name.rpartition("-")[2].upper()
                name += f" [{value}]" if option.takes is Takes.MAYBE_ONE else f" {value}"
            described = wrap(option.text, 52)
            first, *more = described if len(name) < 32 else ["", *described]
            lines += [f"  {name:<32}{first}".rstrip(), *(" " * 34 + line for line in more)]
        return "\n".join(lines)

    def _spellings(self) -> dict[str, Option]:
        return {
            spelling: option
            for option in self.options.values()
            for spelling in (f"--{option.name}", *option.also)
        }

    def _add(self, option: Option) -> None:
        self.options[option.name] = option

    def _following(self, option: Option, rest: _Words) -> Iterator[str]:
        match option.takes:
            case Takes.NOTHING:
                return
            case Takes.ONE:
                if rest.following is None:
                    raise UsageError(f"Option {option.name} requires an argument")
                yield next(rest)
            case Takes.MAYBE_ONE:
                if rest.following is not None and not rest.following.startswith("-"):
                    yield next(rest)
            case Takes.MANY:
                while rest.following is not None and not rest.following.startswith("-"):
                    yield next(rest)

    def _store(self, option: Option, given: list[str], values: dict[str, Any]) -> None:
        if option.repeats:
            values.setdefault(option.name, []).extend(given)
            return
        if option.takes is Takes.NOTHING:
            values[option.name] = True
            return
        if option.name in values:
            raise UsageError(
                f"Found multiple arguments for option {option.name}, but you asked for only one"
            )
        text = given[0] if given else None
        try:
            values[option.name] = option.without_value if text is None else option.kind(text)
        except ValueError:
            message = f"Cannot parse argument '{text}' of option {option.name}"
            raise UsageError(message) from None

    def _fail_unknown(self, name: str) -> NoReturn:
        close = did_you_mean(f"--{name}", self._spellings())
        raise UsageError(
            f"{name} is not a recognized option", hint=close or f"see {self.tool} --help"
        )


class _Words(Iterator[str]):
    """Words, with a look at the one that follows."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = list(words)

    def __next__(self) -> str:
        if not self._words:
            raise StopIteration
        return self._words.pop(0)

    @property
    def following(self) -> str | None:
        return self._words[0] if self._words else None


def run_tool(body: Callable[[Sequence[str]], int]) -> int:
    """Run a tool on the command line's arguments; every failure is exit code 1."""

    def guarded() -> int:
        try:
            return body(sys.argv[1:])
        except (ClientError, FatalError) as error:
            sys.stdout.flush()
            say(one_line(error))
            return FAILED

    return run_quietly(guarded)
