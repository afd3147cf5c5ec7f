"""What ``/metrics`` shows, under the names that Kafka's Prometheus dashboards read."""

from __future__ import annotations

import resource
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from raftkafka.server.context import BrokerView

TOPIC = ["topic"]
PARTITION = ["topic", "partition"]
TOPIC_TRAFFIC = "kafka_server_brokertopicmetrics"
REPLICAS = "kafka_server_replicamanager"
CONTROLLER = "kafka_controller_kafkacontroller"
RAFT = "kafka_server_raftmetrics"


class Snapshot:
    """The broker's state for one scrape, taken on the loop; a collector of prometheus_client.

    Metrics are made of it in a worker thread: of ten thousand partitions that takes a while.
    """

    def __init__(self, broker: BrokerView, connections: int, loop_lag_max_ms: float) -> None:
        self._node_id = broker.config.node_id
        self._image = broker.image
        self._is_active_controller = broker.controller.is_active
        self._leaders = tuple(broker.replicas.leaders())
        self._raft = broker.quorum.status()
        self._connections = connections
        self._loop_lag_max_ms = loop_lag_max_ms

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        yield from self._topics()
        yield from self._replicas()
        yield from self._quorum()
        yield GaugeMetricFamily(
            "kafka_server_socketservermetrics_connection_count",
            "Open connections of clients",
            value=self._connections,
        )
        yield GaugeMetricFamily(
            "raftkafka_loop_lag_max_ms",
            "Longest step of the event loop since clients are served, in milliseconds",
            value=self._loop_lag_max_ms,
        )
        usage = resource.getrusage(resource.RUSAGE_SELF)
        yield CounterMetricFamily(
            "process_cpu_seconds", "CPU time of the process", value=usage.ru_utime + usage.ru_stime
        )

    def _topics(self) -> Iterator[Metric]:
        log_end = GaugeMetricFamily(
            "kafka_topic_partition_current_offset", "Log end offset", labels=PARTITION
        )
        log_start = GaugeMetricFamily(
            "kafka_topic_partition_oldest_offset", "Log start offset", labels=PARTITION
        )
        in_sync = GaugeMetricFamily(
            "kafka_topic_partition_in_sync_replica", "In-sync replicas", labels=PARTITION
        )
        bytes_in = CounterMetricFamily(f"{TOPIC_TRAFFIC}_bytesin", "Bytes produced", labels=TOPIC)
        bytes_out = CounterMetricFamily(f"{TOPIC_TRAFFIC}_bytesout", "Bytes fetched", labels=TOPIC)
        messages = CounterMetricFamily(
            f"{TOPIC_TRAFFIC}_messagesin", "Records produced", labels=TOPIC
        )
        traffic: dict[str, list[int]] = {}
        for leader in self._leaders:
            topic, number = leader.topic_partition
            labels = [topic, str(number)]
            log_end.add_metric(labels, leader.log.log_end_offset)
            log_start.add_metric(labels, leader.log.log_start_offset)
            in_sync.add_metric(labels, len(leader.isr))
            sums = traffic.setdefault(topic, [0, 0, 0])
            sums[0] += leader.bytes_in
            sums[1] += leader.bytes_out
            sums[2] += leader.log.log_end_offset - leader.epoch_start_offset
        for topic, (received, sent, records) in traffic.items():
            bytes_in.add_metric([topic], received)
            bytes_out.add_metric([topic], sent)
            messages.add_metric([topic], records)
        yield from (log_end, log_start, in_sync, bytes_in, bytes_out, messages)

    def _replicas(self) -> Iterator[Metric]:
        image, node_id = self._image, self._node_id
        hosted = led = under_replicated = offline = 0
        for topic in image.topics.values():
            for partition in topic.partitions.values():
                hosted += node_id in partition.replicas
                led += partition.leader == node_id
                under_replicated += partition.leader == node_id and len(partition.isr) < len(
                    partition.replicas
                )
                offline += not partition.has_leader
        for name, text, value in (
            ("partitioncount", "Partitions on this broker", hosted),
            ("leadercount", "Partitions that this broker leads", led),
            (
                "underreplicatedpartitions",
                "Led partitions with replicas out of sync",
                under_replicated,
            ),
        ):
            yield GaugeMetricFamily(f"{REPLICAS}_{name}", text, value=value)
        yield GaugeMetricFamily(
            f"{CONTROLLER}_offlinepartitionscount", "Partitions without a leader", value=offline
        )
        yield GaugeMetricFamily(
            f"{CONTROLLER}_activecontrollercount",
            "1 on the active controller",
            value=int(self._is_active_controller),
        )

    def _quorum(self) -> Iterator[Metric]:
        status = self._raft
        yield GaugeMetricFamily(
            f"{RAFT}_current_epoch", "Term of the metadata quorum", value=status.leader_epoch
        )
        yield GaugeMetricFamily(
            f"{RAFT}_high_watermark",
            "Committed end of the metadata log",
            value=status.high_watermark,
        )


def render(snapshot: Snapshot) -> bytes:
    """Return the text format of Prometheus."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(snapshot)
    return generate_latest(registry)
