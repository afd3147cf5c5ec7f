"""The pages of the HTTP listener: metrics, and whether the broker lives and serves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from raftkafka.disk import Disk
from raftkafka.server.context import BrokerView
from raftkafka.server.http_driver import Page, Pages
from raftkafka.server.loop_lag_driver import LoopLag
from raftkafka.server.service import ClientService

PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8"


def pages(broker: BrokerView, service: ClientService, loop_lag: LoopLag, disk: Disk) -> Pages:
    """Return what each path answers."""
    from raftkafka.server.metrics import Snapshot, render  # 0.1 s: only where it is used

    async def metrics() -> Page:
        snapshot = Snapshot(broker, service.connections, loop_lag.max_ms)
        return Page(200, await disk.run(partial(render, snapshot)), PROMETHEUS_TEXT)

    async def alive() -> Page:
        return Page(200, b"alive\n")

    async def ready() -> Page:
        return readiness(broker, service.is_serving)

    answers: dict[str, Callable[[], Awaitable[Page]]] = {
        "/metrics": metrics,
        "/livez": alive,
        "/readyz": ready,
    }
    return answers


def readiness(broker: BrokerView, serving: bool) -> Page:
    """Tell whether clients are served: unfenced, and in the ISR of every partition that is here."""
    node_id = broker.config.node_id
    if not serving or not broker.image.is_active(node_id):
        return Page(503, b"not serving yet\n")
    out_of_sync = sum(
        node_id in partition.replicas and node_id not in partition.isr
        for topic in broker.image.topics.values()
        for partition in topic.partitions.values()
    )
    if out_of_sync:
        return Page(503, f"out of sync with {out_of_sync} partitions\n".encode())
    return Page(200, b"ready\n")
