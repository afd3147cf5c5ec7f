"""How every command ends: one line on stderr for what went wrong, and the exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable

from raftkafka.client.errors import ClientError
from raftkafka.errors import FatalError

FAILED = 1
USAGE = 2
INTERRUPTED = 130
"""128 + SIGINT, as shells expect it."""
PIPE_CLOSED = 141
"""128 + SIGPIPE."""


class UsageError(ClientError):
    """The command line is wrong; nothing was done."""


def one_line(error: ClientError | FatalError) -> str:
    """Return an error and what to do about it as one line."""
    text = " ".join(str(error).split())
    hint = error.hint if isinstance(error, ClientError) else None
    return f"{text}; {hint}" if hint else text


def say(text: str) -> None:
    """Write a line to stderr, where it disturbs nobody who reads the output."""
    print(text, file=sys.stderr, flush=True)


def run_quietly(body: Callable[[], int]) -> int:
    """Run a command; Ctrl-C and a reader that went away end it without a word."""
    try:
        code = body()
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # What is still buffered has no reader either: do not fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    return code


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return ``did you mean X?`` if a known word is close enough."""
    from raftkafka.config import suggest

    return suggest.did_you_mean(word, known).removeprefix("; ") or None
