"""AddRaftVoter."""

from __future__ import annotations

from raftkafka.protocol.schema import (
    ALL,
    Request,
    Response,
    Struct,
    array,
    boolean,
    int16,
    int32,
    string,
    uint16,
    uuid,
)


class AddRaftVoterListener(Struct):
    """One listener of the voter."""

    name: str = string()
    host: str = string()
    port: int = uint16()


class AddRaftVoterRequest(Request, api=80, versions="0-1", flexible="0+"):
    """Let a node vote, with the metadata folder of that directory id (KIP-853)."""

    cluster_id: str | None = string(null=ALL)
    timeout_ms: int = int32()
    voter_id: int = int32()
    voter_directory_id: bytes = uuid()
    listeners: list[AddRaftVoterListener] = array(AddRaftVoterListener)
    ack_when_committed: bool = boolean("1+", default=True)


class AddRaftVoterResponse(Response, api=80, versions="0-1", flexible="0+"):
    """Whether it may."""

    throttle_time_ms: int = int32()
    error_code: int = int16()
    error_message: str | None = string(null=ALL, ignorable=True)
