"""Errors of the quorum: what became of a proposal, and what stops the process."""

from __future__ import annotations

import cbor2

from raftkafka.errors import ErrorCode, FatalError, KafkaError

RECORD_BYTES_SHOWN = 2048


class NotController(KafkaError):
    """This node does not lead in that term; the command was certainly not appended."""

    code = ErrorCode.NOT_CONTROLLER

    def __init__(self, message: str = "") -> None:
        super().__init__(None, message)


class NotReadmitted(KafkaError):
    """A voter cannot be given its vote back now; the text says why."""

    code = ErrorCode.INVALID_REQUEST

    def __init__(self, message: str) -> None:
        super().__init__(None, message)


class UnknownOutcome(KafkaError):
    """The command was appended, and may or may not be committed yet; only the log will tell."""

    code = ErrorCode.REQUEST_TIMED_OUT

    def __init__(self, message: str = "") -> None:
        super().__init__(None, message)


class ApplyFailed(FatalError):
    """A committed command could not be applied: going on would fork this node from the others."""

    def __init__(self, index: int, term: int, command: bytes, error: Exception) -> None:
        super().__init__(
            f"applying entry {index} of term {term} failed: {error!r}; "
            f"record {_shown(command)}. Report this with the line above: no restart heals it"
        )
        self.index = index
        self.term = term
        self.command = command


class RestoreFailed(FatalError):
    """A whole snapshot could not be restored: it is of a version that this one does not know."""

    def __init__(self, index: int, error: Exception) -> None:
        super().__init__(
            f"restoring the metadata snapshot at entry {index} failed: {error!r}. It was written "
            "by another version: start that one, or report this line"
        )


def _shown(command: bytes) -> str:
    """Return the command decoded from CBOR, if it is that, and in hex; both of bounded length."""
    try:
        decoded = repr(cbor2.loads(command))[:RECORD_BYTES_SHOWN]
    except Exception:  # whatever is wrong with it, the line about it must get out
        decoded = "not CBOR"
    return f"{decoded} (hex {command[:RECORD_BYTES_SHOWN].hex()})"
