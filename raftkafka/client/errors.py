"""What a command tells its user when it cannot go on: one line, and what to type next."""

from __future__ import annotations

from raftkafka.errors import ErrorCode


class ClientError(Exception):
    """A command fails. ``hint`` says what to do about it, ``code`` what a broker answered."""

    def __init__(
        self, message: str, *, hint: str | None = None, code: ErrorCode | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code


class Unreachable(ClientError):
    """Nobody listens there, or nobody answers."""


class RequestFailed(ClientError):
    """A broker refused a request, or a part of it."""

    def __init__(self, code: int, message: str | None) -> None:
        known = error_code(code)
        super().__init__(message or describe(known), code=known)


DESCRIPTIONS = {
    ErrorCode.CLUSTER_AUTHORIZATION_FAILED: "not allowed on this cluster",
    ErrorCode.INVALID_PARTITIONS: "no valid number of partitions",
    ErrorCode.INVALID_REPLICATION_FACTOR: "more replicas than brokers, or none",
    ErrorCode.INVALID_TOPIC_EXCEPTION: "no valid topic name",
    ErrorCode.KAFKA_STORAGE_ERROR: "the log directory of this replica is offline",
    ErrorCode.LEADER_NOT_AVAILABLE: "this partition has no leader right now",
    ErrorCode.NOT_CONTROLLER: "this broker is not the controller",
    ErrorCode.NOT_LEADER_OR_FOLLOWER: "this broker does not lead the partition",
    ErrorCode.OFFSET_OUT_OF_RANGE: "the offset is outside of what the partition holds",
    ErrorCode.REQUEST_TIMED_OUT: "the broker did not finish in time",
    ErrorCode.TOPIC_ALREADY_EXISTS: "the topic exists already",
    ErrorCode.TOPIC_AUTHORIZATION_FAILED: "not allowed on this topic",
    ErrorCode.TOPIC_DELETION_DISABLED: "this broker deletes no topics (delete.topic.enable=false)",
    ErrorCode.UNKNOWN_SERVER_ERROR: "the broker failed unexpectedly; its log says more",
    ErrorCode.UNKNOWN_TOPIC_ID: "there is no topic of this id",
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION: "there is no such topic or partition",
    ErrorCode.UNSUPPORTED_VERSION: "the broker cannot do this",
}
"""For answers without a message."""


def error_code(code: int) -> ErrorCode:
    """Return the error of a number on the wire; one we do not know counts as a server's error."""
    try:
        return ErrorCode(code)
    except ValueError:
        return ErrorCode.UNKNOWN_SERVER_ERROR


def describe(code: ErrorCode) -> str:
    """Return an error in words."""
    return DESCRIPTIONS.get(code) or code.name.replace("_", " ").lower()


def check(code: int, message: str | None = None) -> None:
    """Raise ``RequestFailed`` unless ``code`` is 0."""
    if code != ErrorCode.NONE:
        raise RequestFailed(code, message)
