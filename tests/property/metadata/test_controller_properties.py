"""Random lives of a cluster against the pure controller: invariants 1, 3 and 4 of reliability.

Brokers crash and come back with or without what they had, lose their channels, fail disks, stop in
order; leaders ask for ISRs with fresh and stale epochs; topics and replicas are moved about.
Every entry of the log leaves a valid image. In the end all brokers are back and followers catch
up: then every partition has a leader, and every reassignment has ended.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from metadata.controller.alter_partition import alter_partition
from metadata.controller.batches import cut_into_batches
from metadata.controller.broker_heartbeats import BrokerHeartbeat, take_heartbeat
from metadata.controller.brokers import BrokerRegistration, fence_broker, register_broker
from metadata.controller.configs import alter_configs
from metadata.controller.decision import Decision, Situation
from metadata.controller.directories import assign_directories
from metadata.controller.heartbeats import Heartbeats
from metadata.controller.internal_topics import raise_internal_topics
from metadata.controller.leader_elections import balance_leaders, elect_leaders
from metadata.controller.reassignments import alter_partition_reassignments
from metadata.controller.settings import MIN_INSYNC_REPLICAS, min_isr
from metadata.controller.topic_deletion import delete_topics
from metadata.controller.topics import create_topics
from metadata.delta import Delta, difference
from metadata.image import CONSUMER_OFFSETS, EMPTY, MetadataImage, PartitionImage
from metadata.records import TOPIC_CONFIG, encode_batch
from metadata.replay import replay_command
from metadata.snapshot import encode_snapshot, restore_snapshot
from raftkafka.config import BrokerConfig
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.protocol.messages.alter_partition import (
    AlterPartitionBroker,
    AlterPartitionData,
    AlterPartitionRequest,
    AlterPartitionTopic,
)
from raftkafka.protocol.messages.configs import (
    AlterConfigsConfig,
    AlterConfigsRequest,
    AlterConfigsResource,
)
from raftkafka.protocol.messages.replicas import (
    AlterPartitionReassignmentsRequest,
    ElectLeadersRequest,
    ReassignablePartition,
    ReassignableTopic,
)
from raftkafka.protocol.messages.topics import (
    CreatableTopic,
    CreateTopicsRequest,
    DeleteTopicsRequest,
)
from tests.support.metadata import broker_record

BROKERS = range(5)
TOPICS = ["a", "b", CONSUMER_OFFSETS]
ALL_BACK_ROUNDS = 12
SESSION_TIMEOUT_S = 9.0


@dataclass
class Process:
    """What a broker's process knows of itself."""

    incarnation_id: bytes
    directories: tuple[bytes, ...]
    epoch: int = -1
    runs: bool = True
    failed: tuple[bytes, ...] = ()


@dataclass
class Cluster:
    """A controller whose entries are committed at once, and the brokers' processes."""

    seed: int
    unclean: bool
    image: MetadataImage = EMPTY
    now_s: float = 0.0
    deltas: list[Delta] = field(default_factory=list[Delta])
    processes: dict[int, Process] = field(default_factory=dict[int, Process])

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.config = BrokerConfig.of(
            {
                "min.insync.replicas": "2",
                "unclean.leader.election.enable": str(self.unclean).lower(),
            }
        )
        self.heartbeats = Heartbeats(node_id=99, session_timeout_s=SESSION_TIMEOUT_S)
        self.heartbeats.take_office(self.image, self.now_s)
        for broker_id in BROKERS:
            self.start(broker_id, clean_stop=True, new_disk=False)
            self.beat(broker_id)

    def situation(self) -> Situation:
        return Situation(self.image, self.config, self.random, self.heartbeats)

    def carry_out(self, decision: Decision[object]) -> None:
        for batch in cut_into_batches(decision.records, self.random.choice([1, 300])):
            index = self.image.offset + self.random.randrange(1, 3)
            delta = replay_command(self.image, index, encode_batch(batch))
            self.image = delta.image
            self.deltas.append(delta)
            check_image(self.image)
            check_claims(self.image, self.config)
            check_step(delta)
        self.heartbeats.published(self.image, self.now_s)

    # ------------------------------------------------------------------ brokers

    def start(self, broker_id: int, *, clean_stop: bool, new_disk: bool) -> None:
        former = self.processes.get(broker_id)
        known = self.image.brokers.get(broker_id)
        if former is None or new_disk:
            count = 2 if broker_id == 0 else 1
            directories = tuple(self.random.randbytes(16) for _ in range(count))
        else:
            directories = former.directories
        process = Process(self.random.randbytes(16), directories)
        self.heartbeats.connected(broker_id, process.incarnation_id, self.now_s)
        registration = BrokerRegistration(
            broker_id,
            process.incarnation_id,
            broker_record(broker_id).endpoints,
            directories,
            clean_stop=clean_stop and not new_disk,
            previous_broker_epoch=None if known is None else known.broker_epoch,
        )
        try:
            decision = register_broker(self.situation(), registration)
        except KafkaError:
            # another process of that id lives, as far as anybody knows
            assert former is not None
            assert self.heartbeats.blocks(broker_id, process.incarnation_id)
            self.heartbeats.disconnected(broker_id, process.incarnation_id, self.now_s)
            return
        if former is not None:
            self.heartbeats.disconnected(broker_id, former.incarnation_id, self.now_s)
        self.carry_out(decision)
        process.epoch = self.image.brokers[broker_id].broker_epoch
        self.processes[broker_id] = process

    def crash(self, broker_id: int, *, seen: bool) -> None:
        process = self.processes[broker_id]
        process.runs = False
        if seen:
            self.heartbeats.disconnected(broker_id, process.incarnation_id, self.now_s)
            for probe in self.heartbeats.take_probes():
                self.heartbeats.probed(probe, gone=not self.processes[probe.broker_id].runs)

    def beat(self, broker_id: int, *, wants_shutdown: bool = False, behind: bool = False) -> None:
        process = self.processes[broker_id]
        if not process.runs:
            return
        offset = process.epoch - 1 if behind else self.image.offset
        self.heartbeats.heard(broker_id, process.epoch, offset, self.now_s)
        heartbeat = BrokerHeartbeat(
            broker_id,
            process.epoch,
            offset,
            wants_shutdown=wants_shutdown,
            offline_directories=process.failed,
        )
        decision = take_heartbeat(self.situation(), heartbeat)
        was_fenced = self.image.brokers[broker_id].fenced
        self.carry_out(decision)
        assert not (behind and was_fenced and not self.image.brokers[broker_id].fenced)
        if decision.answer.may_stop:
            assert self.image.brokers[broker_id].fenced
            process.runs = False
            self.heartbeats.disconnected(broker_id, process.incarnation_id, self.now_s)

    def wait(self, duration_s: float) -> None:
        self.now_s += duration_s
        for process in self.heartbeats.overdue(self.now_s):
            self.carry_out(fence_broker(self.situation(), *process))

    # ------------------------------------------------------------------ leaders

    def ask_isr(self, name: str, number: int, draw: Random, *, stale: bool) -> None:
        """A leader asks for an ISR: any of its replicas, by epochs that hold or are old."""
        topic = self.image.topics.get(name)
        partition = None if topic is None else topic.partitions.get(number)
        if topic is None or partition is None or not partition.has_leader:
            return
        members = {partition.leader, *(it for it in partition.replicas if draw.random() < 0.6)}
        self.alter(topic.topic_id, number, partition, members, stale=stale)

    def alter(
        self,
        topic_id: bytes,
        number: int,
        partition: PartitionImage,
        members: set[int],
        *,
        stale: bool = False,
    ) -> None:
        data = AlterPartitionData(
            partition_index=number,
            leader_epoch=partition.leader_epoch,
            partition_epoch=partition.partition_epoch - stale,
            new_isr_with_epochs=[
                AlterPartitionBroker(broker_id=it, broker_epoch=self.processes[it].epoch)
                for it in sorted(members)
            ],
        )
        leader = partition.leader
        request = AlterPartitionRequest(
            broker_id=leader,
            broker_epoch=self.processes[leader].epoch,
            topics=[AlterPartitionTopic(topic_id=topic_id, partitions=[data])],
        )
        before = self.image
        decision = alter_partition(self.situation(), request)
        self.carry_out(decision)
        (answered,) = decision.answer.topics[0].partitions
        ineligible = [
            it
            for it in members
            if not before.is_active(it)
            or before.brokers[it].broker_epoch != self.processes[it].epoch
        ]
        if stale:
            assert answered.error_code != 0
            assert self.image == before
        elif ineligible:
            assert answered.error_code == ErrorCode.INELIGIBLE_REPLICA

    def partitions(self) -> list[tuple[str, bytes, int, PartitionImage]]:
        return [
            (topic.name, topic.topic_id, number, partition)
            for topic in self.image.topics.values()
            for number, partition in topic.partitions.items()
        ]

    def all_come_back(self) -> None:
        for broker_id, process in self.processes.items():
            process.failed = ()
            self.crash(broker_id, seen=True)
        self.wait(SESSION_TIMEOUT_S)
        for broker_id in BROKERS:
            self.start(broker_id, clean_stop=True, new_disk=False)
        for _ in range(ALL_BACK_ROUNDS):
            for broker_id in BROKERS:
                self.beat(broker_id)
            for _, topic_id, number, partition in self.partitions():
                if partition.has_leader and set(partition.isr) != set(partition.replicas):
                    self.alter(topic_id, number, partition, set(partition.replicas))


def check_image(image: MetadataImage) -> None:
    """Invariant 4, and the states of a reassignment."""
    fenced = {broker.broker_id for broker in image.brokers.values() if broker.fenced}
    for topic in image.topics.values():
        for partition in topic.partitions.values():
            replicas, isr = set(partition.replicas), set(partition.isr)
            assert len(replicas) == len(partition.replicas)
            assert isr <= replicas
            assert len(isr) == len(partition.isr)
            assert not fenced & isr
            assert not isr & set(partition.elr)
            assert {*partition.elr, *partition.last_known_elr} <= replicas
            assert partition.leader in isr or not partition.has_leader
            assert partition.has_leader or not isr
            assert {*partition.adding, *partition.removing} <= replicas
            assert set(partition.removing) != replicas
            assert len(partition.directories) in (0, len(replicas))
            target = replicas - set(partition.removing)
            assert not partition.is_reassigned or not target <= isr, "it should have ended"


def check_claims(image: MetadataImage, config: BrokerConfig) -> None:
    """Rule 16: who is out of the ISR may lack what was committed since, unless nothing was."""
    for topic in image.topics.values():
        minimum = min_isr(image, config, topic.name)
        for partition in topic.partitions.values():
            small = len(partition.isr) < min(minimum, len(partition.replicas))
            assert small or not partition.elr


def check_step(delta: Delta) -> None:
    """Invariants 1 and 3, and that no record is given up in silence."""
    for name, topic_id, number in delta.partitions_changed:
        new = delta.image.topics[name].partitions[number]
        old_topic = delta.image_before.topics_by_id.get(topic_id)
        old = None if old_topic is None else old_topic.partitions.get(number)
        if old is None:
            continue
        assert new.partition_epoch > old.partition_epoch
        assert new.leader_epoch >= old.leader_epoch
        assert new.leader == old.leader or new.leader_epoch > old.leader_epoch
        dropped = set(old.replicas) - set(new.replicas)
        assert not dropped or new.leader_epoch > old.leader_epoch
        lost_isr = not set(new.isr) & (set(old.isr) | set(old.elr))
        unclean = (name, topic_id, number) in delta.unclean_elections
        completed = dropped and old.is_reassigned and not new.is_reassigned
        assert not new.has_leader or not lost_isr or unclean or completed
    for broker_id in delta.brokers_changed:
        if broker_id in delta.image_before.brokers:
            former = delta.image_before.brokers[broker_id]
            assert delta.image.brokers[broker_id].broker_epoch >= former.broker_epoch


def one_event(cluster: Cluster, draw: Random) -> None:
    """Let something happen that the draw says."""
    broker_id = draw.choice(BROKERS)
    name = draw.choice(TOPICS)
    number = draw.randrange(3)
    situation = cluster.situation()
    match draw.randrange(17):
        case 0:
            cluster.crash(broker_id, seen=draw.random() < 0.7)
        case 1 | 2:
            clean_stop, new_disk = draw.random() < 0.5, draw.random() < 0.1
            cluster.start(broker_id, clean_stop=clean_stop, new_disk=new_disk)
        case 3 | 4 | 5:
            for each in BROKERS:
                cluster.beat(each, behind=draw.random() < 0.1)
        case 6:
            cluster.wait(draw.choice([0.5, 1.0, 4.0, 10.0]))
        case 7:
            cluster.beat(broker_id, wants_shutdown=True)
        case 8:
            process = cluster.processes[broker_id]
            process.failed = (draw.choice(process.directories),)
        case 9:
            topic = CreatableTopic(
                name=name, num_partitions=3, replication_factor=draw.randrange(1, 4)
            )
            cluster.carry_out(create_topics(situation, CreateTopicsRequest(topics=[topic])))
        case 10 if draw.random() < 0.3:
            cluster.carry_out(delete_topics(situation, DeleteTopicsRequest(topic_names=[name])))
        case 11 | 12:
            cluster.ask_isr(name, number, draw, stale=draw.random() < 0.3)
        case 13:
            replicas = draw.sample(BROKERS, draw.randrange(1, 4))
            cluster.carry_out(alter_partition_reassignments(situation, moving(name, replicas)))
        case 14:
            cluster.carry_out(alter_partition_reassignments(situation, moving(name, None)))
        case 15:
            request = ElectLeadersRequest(election_type=draw.randrange(2), topic_partitions=None)
            cluster.carry_out(elect_leaders(situation, request))
        case _:
            more_events(cluster, draw, broker_id)


def more_events(cluster: Cluster, draw: Random, broker_id: int) -> None:
    situation = cluster.situation()
    match draw.randrange(5):
        case 3:
            configs = [AlterConfigsConfig(name=MIN_INSYNC_REPLICAS, value=draw.choice("123"))]
            resource = AlterConfigsResource(
                resource_type=TOPIC_CONFIG, resource_name=draw.choice(TOPICS), configs=configs
            )
            request = AlterConfigsRequest(resources=[resource])
            cluster.carry_out(alter_configs(situation, request))
        case 0:
            cluster.carry_out(balance_leaders(situation))
        case 1:
            cluster.carry_out(raise_internal_topics(situation))
        case _:
            process = cluster.processes[broker_id]
            placed = {
                draw.choice(process.directories): [(it[1], it[2]) for it in cluster.partitions()]
            }
            if process.epoch == cluster.image.brokers[broker_id].broker_epoch:
                cluster.carry_out(assign_directories(situation, broker_id, process.epoch, placed))


def moving(name: str, replicas: list[int] | None) -> AlterPartitionReassignmentsRequest:
    partitions = [ReassignablePartition(partition_index=0, replicas=replicas)]
    return AlterPartitionReassignmentsRequest(
        topics=[ReassignableTopic(name=name, partitions=partitions)]
    )


@given(st.integers(0, 2**32), st.booleans(), st.integers(20, 80))
@settings(max_examples=120, deadline=None)
def test_random_lives(seed: int, unclean: bool, events: int) -> None:
    cluster = Cluster(seed, unclean)
    draw = Random(seed)
    for _ in range(events):
        one_event(cluster, draw)
    cluster.all_come_back()
    for name, _, number, partition in cluster.partitions():
        assert partition.has_leader, (name, number, partition)
        assert not partition.is_reassigned, (name, number, partition)
    for delta in cluster.deltas:
        told = difference(delta.image_before, delta.image)
        assert delta.partitions_changed == told.partitions_changed
        assert delta.brokers_changed == told.brokers_changed
    assert restore_snapshot(b"".join(encode_snapshot(cluster.image))) == cluster.image
