"""A broker as the admin handlers see it: a controller that commits at once, and a connection."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from random import Random
from typing import Any, cast

import trio

from metadata.controller.brokers import BrokerRegistration
from metadata.controller_driver import Controller
from metadata.records import BrokerEndpoint, Record
from raftkafka.config import BrokerConfig
from raftkafka.server.context import BrokerView, RequestContext
from tests.support.metadata import directory
from tests.support.quorums import HandQuorum
from tests.support.wired_connection import Wire

NODE_ID = 1
LISTENER = "PLAINTEXT"
ENDPOINTS = (
    BrokerEndpoint(LISTENER, "inside", 9092, "PLAINTEXT"),
    BrokerEndpoint("OUTSIDE", "outside.example", 19092, "PLAINTEXT"),
)


class Admin:
    """Makes requests of one broker, and changes its cluster behind its back."""

    def __init__(self, controller: Controller, quorum: HandQuorum, config: BrokerConfig) -> None:
        self.controller = controller
        self.quorum = quorum
        nothing = cast("Any", None)  # admin handlers touch neither logs nor replicas
        self.broker = BrokerView(
            config,
            controller,
            cast("Any", quorum),
            nothing,
            nothing,
            Random(1),
            lambda: 1_700_000_000_000,
            (),
        )

    def context(self, version: int, *, listener_name: str = LISTENER) -> RequestContext:
        connection = Wire().connection
        connection.listener_name = listener_name
        return RequestContext(self.broker, connection, version, "test")

    def commit(self, *records: Record) -> None:
        """Commit records, as another node's controller would."""
        self.quorum.commit_records(*records)


@asynccontextmanager
async def serving(
    settings: Mapping[str, str] | None = None, *, cluster_id: str = "QjAtq1ZgQhKvEfMVHKmNnA"
) -> AsyncGenerator[Admin, None]:
    """Run a controller whose own broker, number 1, is registered."""
    texts = {"node.id": str(NODE_ID), **(settings or {})}
    config = BrokerConfig.of(texts, given=texts)
    controller = Controller(NODE_ID, config, Random(7), cluster_id=cluster_id)
    quorum = HandQuorum(controller, prompt=True)
    async with trio.open_nursery() as nursery:
        await nursery.start(controller.run, quorum)
        quorum.lead(1)
        registration = BrokerRegistration(
            NODE_ID, b"first process   ", ENDPOINTS, (directory(NODE_ID),), rack="r1", ready=True
        )
        await controller.register_broker(registration, deadline_s=5)
        yield Admin(controller, quorum, config)
        nursery.cancel_scope.cancel()
