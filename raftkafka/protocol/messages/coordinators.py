"""FindCoordinator: which broker looks after a group or a transactional id."""

from __future__ import annotations

from raftkafka.protocol.schema import (
    ALL,
    Request,
    Response,
    Struct,
    array,
    int8,
    int16,
    int32,
    string,
)


class FindCoordinatorRequest(Request, api=10, versions="0-6", flexible="3+"):
    """Ask for the coordinator of a key; from version 4 of several (KIP-699)."""

    key: str = string("0-3")
    key_type: int = int8("1+")
    coordinator_keys: list[str] = array(string, "4+")


class FoundCoordinator(Struct):
    """The coordinator of one key, or the error."""

    key: str = string()
    node_id: int = int32()
    host: str = string()
    port: int = int32()
    error_code: int = int16()
    error_message: str | None = string(null=ALL, ignorable=True)


class FindCoordinatorResponse(Response, api=10, versions="0-6", flexible="3+"):
    """The coordinator; from version 4 in ``coordinators`` only."""

    throttle_time_ms: int = int32("1+", ignorable=True)
    error_code: int = int16("0-3")
    error_message: str | None = string("1-3", null=ALL, ignorable=True)
    node_id: int = int32("0-3")
    host: str = string("0-3")
    port: int = int32("0-3")
    coordinators: list[FoundCoordinator] = array(FoundCoordinator, "4+")
