"""Clients that create and delete topics through any broker, and note all that they were told."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from random import Random

from raftkafka.errors import ErrorCode
from raftkafka.protocol.messages.metadata import (
    MetadataRequest,
    MetadataRequestTopic,
    MetadataResponse,
)
from raftkafka.protocol.messages.topics import (
    CreatableTopic,
    CreateTopicsRequest,
    CreateTopicsResponse,
    DeleteTopicsRequest,
    DeleteTopicsResponse,
    DeleteTopicState,
)
from tests.chaos.asking import Asking
from tests.chaos.brokers import CLIENT_PORT, METADATA_VERSION
from tests.chaos.lab import Lab, client_place, node_place
from tests.chaos.operations import NEVER, Kind, Operation, Outcome

CREATE_VERSION, DELETE_VERSION = 7, 6
REQUEST_TIMEOUT_MS = 1_000
PATIENCE_S = (0.2, 2.0)
"""How long a client waits for an answer, by chance: who goes away early leaves work under way."""
SHUNNED_S = 1.0
"""How long a client leaves a broker alone that did not answer."""
STINT = (5, 15)
"""How many operations a client asks of one broker before it goes on to another."""
THINK_S = 0.01
NAMES_AT_A_TIME = 3
OPERATIONS_PER_NAME = 20
OWN_SHARE = 0.3
REPLICATION_FACTOR_MAX = 2

REFUSED = frozenset({ErrorCode.TOPIC_ALREADY_EXISTS, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION})
NOTHING_DONE = frozenset({ErrorCode.NOT_CONTROLLER, ErrorCode.INVALID_REPLICATION_FACTOR})
"""The controller refused to decide, or found too few brokers that are not fenced."""
PERHAPS_DONE = frozenset({ErrorCode.REQUEST_TIMED_OUT})


class Names:
    """Topic names that several clients fight over; each is left alone after a while."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made = 0
        self._uses: Counter[str] = Counter()

    def draw(self, random: Random) -> str:
        """Return one of the few in use."""
        with self._lock:
            while len(self._uses) < NAMES_AT_A_TIME:
                self._uses[f"topic-{self._made}"] = 0
                self._made += 1
            name = random.choice(sorted(self._uses))
            self._uses[name] += 1
            if self._uses[name] == OPERATIONS_PER_NAME:
                del self._uses[name]
            return name


class TopicClient:
    """One client at its place, in a thread of its own.

    Args:
        lab: where.
        number: its own, from 1 on.
        nodes: the brokers that it asks.
        names: shared with others.
        random: draws everything.
        clock: the seconds of the run.
    """

    def __init__(
        self,
        lab: Lab,
        number: int,
        nodes: tuple[int, ...],
        names: Names,
        random: Random,
        clock: Callable[[], float],
    ) -> None:
        self.number = number
        self.operations: list[Operation] = []
        self.stale_reads: list[str] = []
        """A broker that acknowledged a change did not show it right after."""
        self.failure: BaseException | None = None
        self._lab = lab
        self._nodes = nodes
        self._names = names
        self._random = random
        self._clock = clock
        self._own: list[str] = []
        self._own_made = 0
        self._connections: dict[int, Asking] = {}
        self._shunned_until_s = dict.fromkeys(nodes, 0.0)
        self._node = nodes[number % len(nodes)]  # not all at one that may be cut off
        self._stint = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Let the operation in flight be the last."""
        self._stopping.set()

    def join(self) -> None:
        """Wait for the end.

        Raises:
            AssertionError: a broker answered what no broker may; or the thread does not end.
        """
        self._thread.join(10 + max(PATIENCE_S))
        assert not self._thread.is_alive(), f"client {self.number} does not end"
        if self.failure is not None:
            raise AssertionError(f"client {self.number}") from self.failure

    def acknowledged_since(self, called_s: float) -> set[int]:
        """Return the nodes through which a change was acknowledged that was called since then."""
        return {
            one.node
            for one in list(self.operations)
            if one.called_s >= called_s and one.outcome is Outcome.DONE
        }

    def _run(self) -> None:
        try:
            self._lab.enter(client_place(self.number))
            while not self._stopping.is_set():
                self._step()
                time.sleep(THINK_S * self._random.random())
        except BaseException as failure:  # told by join
            self.failure = failure
        finally:
            for connection in self._connections.values():
                connection.close()

    def _step(self) -> None:
        node = self._choose_node()
        is_own = self._random.random() < OWN_SHARE
        if not is_own:
            kind = self._random.choice([Kind.CREATE, Kind.DELETE])
            self._change(node, kind, self._names.draw(self._random))
        elif self._own and self._random.random() < 0.4:
            name = self._own.pop(self._random.randrange(len(self._own)))
            self._look(self._change(node, Kind.DELETE, name))
        else:
            name = f"own-{self.number}-{self._own_made}"
            self._own_made += 1
            created = self._change(node, Kind.CREATE, name)
            if created.outcome is Outcome.DONE:
                self._own.append(name)
                self._look(created)

    def _choose_node(self) -> int:
        now_s = self._clock()
        self._stint -= 1
        if self._stint < 0 or self._shunned_until_s[self._node] > now_s:
            near = [node for node in self._nodes if self._shunned_until_s[node] <= now_s]
            self._node = self._random.choice(near or self._nodes)
            self._stint = self._random.randint(*STINT)
        return self._node

    def _change(self, node: int, kind: Kind, topic: str) -> Operation:
        called_s = self._clock()
        outcome, error, topic_id = self._ask(node, kind, topic)
        returned_s = NEVER if outcome is Outcome.UNKNOWN else self._clock()
        operation = Operation(
            self.number, node, kind, topic, called_s, returned_s, outcome, topic_id, error
        )
        self.operations.append(operation)
        return operation

    def _ask(self, node: int, kind: Kind, topic: str) -> tuple[Outcome, str, str | None]:
        """Return what became of it, the error, and the new topic's id."""
        patience_s = self._random.choice(PATIENCE_S)
        try:
            connection = self._connection(node)
        except OSError as error:
            self._shun(node)
            return Outcome.NOTHING, repr(error), None
        try:
            connection.wait_at_most(patience_s)
            code, topic_id = (_create if kind is Kind.CREATE else _delete)(
                connection, topic, self._random
            )
        except TimeoutError as error:
            self._shun(node, for_s=0.0 if patience_s < max(PATIENCE_S) else SHUNNED_S)
            return Outcome.UNKNOWN, repr(error), None
        except OSError as error:
            self._shun(node)
            return Outcome.UNKNOWN, repr(error), None
        if code is ErrorCode.NONE:
            return Outcome.DONE, "", topic_id
        if code in REFUSED:
            return Outcome.REFUSED, code.name, None
        self._shunned_until_s[node] = self._clock() + SHUNNED_S
        if code in NOTHING_DONE:
            return Outcome.NOTHING, code.name, None
        assert code in PERHAPS_DONE, f"node {node} answered {kind.value} {topic} with {code.name}"
        return Outcome.UNKNOWN, code.name, None

    def _look(self, change: Operation) -> None:
        """Read back what nobody else touches, from the broker that acknowledged it.

        One that had to wait for its own image until the deadline may answer before it.
        """
        took_s = change.returned_s - change.called_s
        if change.outcome is not Outcome.DONE or took_s >= REQUEST_TIMEOUT_MS / 1000:
            return
        request = MetadataRequest(
            topics=[MetadataRequestTopic(name=change.topic)], allow_auto_topic_creation=False
        )
        try:
            connection = self._connection(change.node)
            connection.wait_at_most(max(PATIENCE_S))
            answer = connection.ask(request, METADATA_VERSION, MetadataResponse)
        except OSError:
            self._shun(change.node)
            return
        (told,) = answer.topics
        seen = None if told.error_code else told.topic_id.hex()
        if seen != change.topic_id:
            self.stale_reads.append(f"acknowledged, but right after that it is {seen}: {change}")

    def _connection(self, node: int) -> Asking:
        if node not in self._connections:
            address = self._lab.address(node_place(node))
            self._connections[node] = Asking(address, CLIENT_PORT, max(PATIENCE_S))
        return self._connections[node]

    def _shun(self, node: int, for_s: float = SHUNNED_S) -> None:
        self._shunned_until_s[node] = self._clock() + for_s
        connection = self._connections.pop(node, None)
        if connection is not None:
            connection.close()


def _create(connection: Asking, topic: str, random: Random) -> tuple[ErrorCode, str | None]:
    request = CreateTopicsRequest(
        topics=[
            CreatableTopic(
                name=topic,
                num_partitions=random.randint(1, 2),
                replication_factor=random.randint(1, REPLICATION_FACTOR_MAX),
            )
        ],
        timeout_ms=REQUEST_TIMEOUT_MS,
    )
    (created,) = connection.ask(request, CREATE_VERSION, CreateTopicsResponse).topics
    code = ErrorCode(created.error_code)
    return code, created.topic_id.hex() if code is ErrorCode.NONE else None


def _delete(connection: Asking, topic: str, random: Random) -> tuple[ErrorCode, str | None]:
    del random
    request = DeleteTopicsRequest(
        topics=[DeleteTopicState(name=topic)], timeout_ms=REQUEST_TIMEOUT_MS
    )
    (deleted,) = connection.ask(request, DELETE_VERSION, DeleteTopicsResponse).responses
    return ErrorCode(deleted.error_code), None
