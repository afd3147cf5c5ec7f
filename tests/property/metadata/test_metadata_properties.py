"""Random requests against the controller: a simple model agrees, and invariants hold throughout.

Invariants 1 to 4 and 11 of reliability, as far as one controller can break them.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from metadata.controller.batches import cut_into_batches
from metadata.controller.brokers import (
    BrokerRegistration,
    fence_broker,
    register_broker,
    unfence_broker,
)
from metadata.controller.configs import alter_configs
from metadata.controller.decision import Decision, Situation
from metadata.controller.office import Office
from metadata.controller.partitions import create_partitions
from metadata.controller.producer_ids import allocate_producer_ids
from metadata.controller.topic_deletion import delete_topics
from metadata.controller.topics import create_topics
from metadata.delta import Delta, difference
from metadata.image import EMPTY, MetadataImage, name_shape
from metadata.records import TOPIC_CONFIG
from metadata.replay import replay_command
from metadata.snapshot import encode_snapshot, restore_snapshot
from metadata.topic_names import is_topic_name
from raftkafka.config import BrokerConfig
from raftkafka.protocol.messages.configs import (
    AlterConfigsConfig,
    AlterConfigsRequest,
    AlterConfigsResource,
)
from raftkafka.protocol.messages.topics import (
    CreatableTopic,
    CreatePartitionsRequest,
    CreatePartitionsTopic,
    CreateTopicsRequest,
    DeleteTopicsRequest,
)
from tests.support.metadata import broker_record

NAMES = st.sampled_from(["a", "b", "a.b", "a_b", "..", "", "c-d"])
BROKERS = st.integers(0, 3)
CONFIG = BrokerConfig.of({"min.insync.replicas": "2"})


@dataclass
class Cluster:
    """A controller with a queue of entries that are not committed yet, and the published image."""

    published: MetadataImage = EMPTY
    index: int = 0
    term: int = 1
    random: Random = field(default_factory=lambda: Random(5))
    queue: deque[bytes] = field(default_factory=deque[bytes])
    deltas: list[Delta] = field(default_factory=list[Delta])
    log: list[tuple[int, bytes]] = field(default_factory=list[tuple[int, bytes]])

    def __post_init__(self) -> None:
        self.office = Office(self.term, self.published)
        for broker_id in range(3):
            take_of_broker(self, ("register", broker_id, True, True))
        self.commit(3)

    @property
    def situation(self) -> Situation:
        return Situation(self.office.image, CONFIG, self.random)

    def carry_out(self, decision: Decision[object]) -> None:
        self.queue += [self.office.append(batch) for batch in cut_into_batches(decision.records)]

    def commit(self, count: int) -> None:
        for _ in range(min(count, len(self.queue))):
            command = self.queue.popleft()
            self.index += self.random.randrange(1, 3)  # no-ops of the quorum lie between
            self.log.append((self.index, command))
            self.deltas.append(replay_command(self.published, self.index, command))
            self.published = self.deltas[-1].image
            self.office.committed(command, self.published)

    def end_term(self) -> None:
        self.queue.clear()
        self.term += 1
        self.office = Office(self.term, self.published)


Model = dict[str, tuple[int, dict[str, str]]]
"""Name: number of partitions, configuration."""


def any_model() -> Model:
    """Return a model for runs in which nobody compares it."""
    return {name: (0, {}) for name in ("a", "b", "a.b", "a_b", "c-d")}


def model_create(model: Model, name: str, partitions: int, replicas: int, live: int) -> None:
    shapes = {name_shape(other) for other in model} - {None}
    if not is_topic_name(name) or name in model or name_shape(name) in shapes:
        return
    if partitions > 0 and 0 < replicas <= live:
        model[name] = (partitions, {})


@st.composite
def steps(draw: st.DrawFn) -> tuple[object, ...]:
    kind = draw(
        st.sampled_from(
            [
                "create",
                "create",
                "delete",
                "grow",
                "configure",
                "register",
                "fence",
                "unfence",
                "ids",
            ]
        )
    )
    match kind:
        case "create":
            return kind, draw(NAMES), draw(st.integers(-2, 4)), draw(st.integers(0, 3))
        case "grow":
            return kind, draw(NAMES), draw(st.integers(0, 6))
        case "configure":
            return kind, draw(NAMES), draw(st.sampled_from(["1000", "-1", "x"]))
        case "register":
            return kind, draw(BROKERS), draw(st.booleans()), draw(st.booleans())
        case "delete":
            return kind, draw(NAMES)
        case _:
            return kind, draw(BROKERS)


def take(cluster: Cluster, model: Model, step: tuple[object, ...]) -> None:
    """Decide one request, and tell the model."""
    image, situation = cluster.office.image, cluster.situation
    match step:
        case ("create", str(name), int(partitions), int(replicas)):
            topic = CreatableTopic(
                name=name, num_partitions=partitions, replication_factor=replicas
            )
            cluster.carry_out(create_topics(situation, CreateTopicsRequest(topics=[topic])))
            live = sum(broker.is_active for broker in image.brokers.values())
            model_create(model, name, 1 if partitions == -1 else partitions, replicas, live)
        case ("grow", str(name), int(count)):
            more = CreatePartitionsTopic(name=name, count=count, assignments=None)
            request = CreatePartitionsRequest(topics=[more])
            decision = create_partitions(situation, request)
            cluster.carry_out(decision)
            if decision.answer.results[0].error_code == 0:
                assert model[name][0] < count
                model[name] = (count, model[name][1])
        case ("delete", str(name)):
            cluster.carry_out(delete_topics(situation, DeleteTopicsRequest(topic_names=[name])))
            model.pop(name, None)
        case ("configure", str(name), str(value)):
            configs = [AlterConfigsConfig(name="retention.ms", value=value)]
            resource = AlterConfigsResource(
                resource_type=TOPIC_CONFIG, resource_name=name, configs=configs
            )
            cluster.carry_out(alter_configs(situation, AlterConfigsRequest(resources=[resource])))
            if name in model and value != "x":
                model[name] = (model[name][0], {"retention.ms": value})
        case _:
            take_of_broker(cluster, step)


def take_of_broker(cluster: Cluster, step: tuple[object, ...]) -> None:
    image, situation = cluster.office.image, cluster.situation
    match step:
        case ("register", int(broker_id), bool(clean_stop), bool(ready)):
            record = broker_record(broker_id)
            registration = BrokerRegistration(
                broker_id,
                cluster.random.randbytes(16),
                record.endpoints,
                record.directories,
                clean_stop=clean_stop,
                ready=ready,
            )
            cluster.carry_out(register_broker(situation, registration))
        case ("ids", int(broker_id)) if broker_id in image.brokers:
            epoch = image.brokers[broker_id].broker_epoch
            cluster.carry_out(allocate_producer_ids(situation, broker_id, epoch))
        case ("fence" | "unfence" as kind, int(broker_id)) if broker_id in image.brokers:
            decide = fence_broker if kind == "fence" else unfence_broker
            epoch = image.brokers[broker_id].broker_epoch
            cluster.carry_out(decide(situation, broker_id, epoch))
        case _:
            pass  # a broker that is not there asks for nothing


def check(image: MetadataImage) -> None:
    """Invariant 4, and what the maps owe each other."""
    fenced = {broker.broker_id for broker in image.brokers.values() if broker.fenced}
    assert {topic.topic_id: topic for topic in image.topics.values()} == image.topics_by_id
    for name, topic in image.topics.items():
        assert topic.name == name
        assert set(topic.partitions) == set(range(len(topic.partitions)))
        assert topic.partitions
        for partition in topic.partitions.values():
            assert set(partition.isr) <= set(partition.replicas)
            assert not fenced & set(partition.isr)
            assert not set(partition.isr) & set(partition.elr)
            assert partition.leader in partition.isr or not partition.has_leader
            assert partition.has_leader or not partition.isr


def check_step(delta: Delta) -> None:
    """Invariants 1 and 3: epochs never go back, and a new leader has a new epoch."""
    for name, topic_id, number in delta.partitions_changed:
        new = delta.image.topics[name].partitions[number]
        old_topic = delta.image_before.topics_by_id.get(topic_id)
        old = None if old_topic is None else old_topic.partitions.get(number)
        if old is not None:
            assert new.partition_epoch > old.partition_epoch
            assert new.leader_epoch >= old.leader_epoch
            assert new.leader == old.leader or new.leader_epoch > old.leader_epoch
            lost_isr = not set(new.isr) & (set(old.isr) | set(old.elr))
            unclean = (name, topic_id, number) in delta.unclean_elections
            assert not new.has_leader or not lost_isr or unclean


@given(st.lists(st.tuples(steps(), st.integers(0, 3), st.booleans()), min_size=12, max_size=40))
@settings(max_examples=150, deadline=None)
def test_random_requests(script: list[tuple[tuple[object, ...], int, bool]]) -> None:
    cluster = Cluster()
    model: Model = {}
    for step, commits, term_ends in script:
        take(cluster, model, step)
        check(cluster.office.image)
        cluster.commit(commits)
        if term_ends and not cluster.queue:
            cluster.end_term()
    cluster.commit(len(cluster.queue))
    image = cluster.published
    assert cluster.office.image == image, "all is committed, so there is nothing ahead"
    assert {
        name: (len(topic.partitions), dict(image.config(TOPIC_CONFIG, name)))
        for name, topic in image.topics.items()
    } == model
    for delta in cluster.deltas:
        check(delta.image)
        check_step(delta)
        told = difference(delta.image_before, delta.image)
        assert delta.partitions_changed == told.partitions_changed
        assert delta.topics_created == told.topics_created
        assert delta.topics_deleted == told.topics_deleted
        assert delta.configs_changed == told.configs_changed
        assert delta.brokers_changed == told.brokers_changed


@given(st.lists(st.tuples(steps(), st.integers(0, 3)), min_size=15, max_size=40), st.data())
@settings(max_examples=100, deadline=None)
def test_snapshot_and_log_lead_to_the_same_image(
    script: list[tuple[tuple[object, ...], int]], data: st.DataObject
) -> None:
    """Invariant 2: equal at equal index, however a node came there."""
    cluster = Cluster()
    for step, commits in script:
        take(cluster, any_model(), step)
        cluster.commit(commits)
    cut = data.draw(st.integers(0, len(cluster.log)))
    image = EMPTY
    for index, command in cluster.log[:cut]:
        image = replay_command(image, index, command).image
    snapshot = b"".join(encode_snapshot(image))
    restored = restore_snapshot(snapshot)
    assert restored == image
    assert b"".join(encode_snapshot(restored)) == snapshot, "equal images, equal bytes"
    for index, command in cluster.log[cut:]:
        restored = replay_command(restored, index, command).image
    assert restored == cluster.published
    again = b"".join(encode_snapshot(cluster.published))
    assert b"".join(encode_snapshot(restored)) == again, "whatever order things came in"


@given(
    st.lists(steps(), min_size=5, max_size=20), st.lists(steps(), max_size=10), st.integers(0, 20)
)
@settings(max_examples=100, deadline=None)
def test_term_that_ends_takes_only_what_was_not_committed(
    before: list[tuple[object, ...]], lost: list[tuple[object, ...]], commits: int
) -> None:
    cluster = Cluster()
    for step in before:
        take(cluster, any_model(), step)
    cluster.commit(len(cluster.queue))
    for step in lost:
        take(cluster, any_model(), step)
    cluster.commit(commits)
    published = cluster.published
    cluster.end_term()
    assert cluster.office.image == published
