"""Structs that several APIs share."""

from __future__ import annotations

from raftkafka.protocol.schema import ALL, Struct, int32, string


class LeaderIdAndEpoch(Struct):
    """The leader that the broker knows of, so that the client need not ask again (KIP-951)."""

    leader_id: int = int32(default=-1)
    leader_epoch: int = int32(default=-1)


class NodeEndpoint(Struct):
    """Where to reach a leader that was named (KIP-951)."""

    node_id: int = int32()
    host: str = string()
    port: int = int32()
    rack: str | None = string(null=ALL, default=None)
