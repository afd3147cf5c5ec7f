"""PySyncObj's node under names of ours: the only module that spells its private ones.

What runs of the library: the follower's handling of entries and votes, the leader's book
of each peer's position, becoming leader, stepping down, and the transfer of leadership.
Its tick, its sending, applying, compaction, membership changes, command forwarding and
pickled parts are replaced or out of reach.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

from pysyncobj.config import SyncObjConf
from pysyncobj.node import Node
from pysyncobj.syncobj import SyncObj
from pysyncobj.transport import Transport

from metadata.raft import pinned
from metadata.raft.journal import Journal
from metadata.raft.replay import Entry
from metadata.raft.settings import RaftSettings


class Role(IntEnum):
    """PySyncObj's states."""

    FOLLOWER = 0
    CANDIDATE = 1
    LEADER = 2


class Post(Transport):
    """The transport that PySyncObj sees: hands its messages to ``send_message``."""

    def __init__(self, send_message: Callable[[int, dict[str, object]], None]) -> None:
        super().__init__(None, None, ())
        self._send_message = send_message

    def send(self, node: Node, message: dict[str, object]) -> bool:
        """Pass a message of PySyncObj's on."""
        self._send_message(node.id, message)
        return True

    def deliver(self, node: Node, message: dict[str, object]) -> None:
        """Give PySyncObj a message, rebuilt from checked fields."""
        self._onMessageReceived(node, message)

    def connect(self, node: Node, *, observer: bool) -> None:
        """Tell PySyncObj of a connection."""
        if observer:
            self._onReadonlyNodeConnected(node)
        else:
            self._onNodeConnected(node)

    def disconnect(self, node: Node, *, observer: bool) -> None:
        """Tell PySyncObj of a lost connection."""
        if observer:
            self._onReadonlyNodeDisconnected(node)
        else:
            self._onNodeDisconnected(node)


class Upstream(SyncObj):
    """One node. ``pinned.CLOCK`` must hold the time before anything is called."""

    def __init__(
        self,
        settings: RaftSettings,
        journal: Journal,
        post: Post,
        election_timeout: Callable[[], float],
        on_role: Callable[[Role, Role], None],
        send_entries: Callable[[], None],
    ) -> None:
        pinned.install()
        # Before PySyncObj's own constructor: it calls overridden methods, and reads every
        # attribute of this class.
        self._journal = journal
        self._post = post
        self._nodes = {voter: Node(voter) for voter in settings.voters}
        self._election_timeout = election_timeout
        self._send_entries = send_entries
        self._on_role = on_role
        self._SyncObj__newAppendEntriesTime = 0.0
        me = self._node(settings.node_id) if settings.is_voter else None
        others = [self._node(voter) for voter in sorted(settings.voters - {settings.node_id})]
        super().__init__(me, others, _conf(settings, journal), nodeClass=Node, transport=post)
        self._SyncObj__raftLastApplied = journal.base_index
        if journal.getCurrentTerm() < self._SyncObj__raftCurrentTerm:
            self._SyncObj__votedForNodeId = None

    # Its state.

    @property
    def role(self) -> Role:
        """Follower, candidate or leader."""
        return Role(self._SyncObj__raftState)

    @property
    def is_leader(self) -> bool:
        """Whether this node leads in its term."""
        return self._SyncObj__raftState == Role.LEADER

    @property
    def term(self) -> int:
        """Newest term seen."""
        return self._SyncObj__raftCurrentTerm

    @property
    def voted_for(self) -> int | None:
        """Who got this node's vote in the term."""
        return self._SyncObj__votedForNodeId

    @property
    def leader_id(self) -> int | None:
        """The term's leader as far as known."""
        leader = self._SyncObj__raftLeader
        return None if leader is None else leader.id

    @property
    def commit_index(self) -> int:
        """Newest entry known to be committed."""
        return self._SyncObj__raftCommitIndex

    @commit_index.setter
    def commit_index(self, index: int) -> None:
        self._SyncObj__raftCommitIndex = self._SyncObj__leaderCommitIndex = index

    @property
    def applied_index(self) -> int:
        """Newest entry applied here."""
        return self._SyncObj__raftLastApplied

    @applied_index.setter
    def applied_index(self, index: int) -> None:
        self._SyncObj__raftLastApplied = index

    @property
    def election_deadline(self) -> float:
        """When a follower that heard of no leader campaigns."""
        return self._SyncObj__raftElectionDeadline

    @election_deadline.setter
    def election_deadline(self, time: float) -> None:
        self._SyncObj__raftElectionDeadline = time

    @property
    def heartbeat_deadline(self) -> float:
        """When a leader sends to every peer again."""
        return self._SyncObj__newAppendEntriesTime

    @heartbeat_deadline.setter
    def heartbeat_deadline(self, time: float) -> None:
        self._SyncObj__newAppendEntriesTime = time

    @property
    def is_transfer_target(self) -> bool:
        """Whether the leader asked this node to take over at once."""
        return self._SyncObj__transferInProgress

    # Peers.

    @property
    def peers(self) -> list[int]:
        """The other voters."""
        return sorted(node.id for node in self._SyncObj__otherNodes)

    @property
    def observers(self) -> list[int]:
        """Nodes that follow without a vote and are connected."""
        return sorted(node.id for node in self._SyncObj__readonlyNodes)

    @property
    def connected(self) -> list[int]:
        """Voters and observers that messages reach."""
        return sorted(node.id for node in self._SyncObj__connectedNodes)

    def follows(self, node_id: int) -> bool:
        """Whether this leader keeps a position for the node."""
        return self._node(node_id) in self._SyncObj__raftMatchIndex

    def next_index(self, node_id: int) -> int:
        """Index of the next entry to send to a node."""
        return self._SyncObj__raftNextIndex[self._node(node_id)]

    def set_next_index(self, node_id: int, index: int) -> None:
        """Choose the next entry to send to a node."""
        self._SyncObj__raftNextIndex[self._node(node_id)] = index

    def match_index(self, node_id: int) -> int:
        """Newest entry that a node is known to hold durably."""
        return self._SyncObj__raftMatchIndex.get(self._node(node_id), 0)

    def last_response(self, node_id: int) -> float | None:
        """When a node last answered this leader."""
        return self._SyncObj__lastResponseTime.get(self._node(node_id))

    def note_response(self, node_id: int, time: float) -> None:
        """Note that a node answered."""
        self._SyncObj__lastResponseTime[self._node(node_id)] = time

    def excuse(self, late_s: float) -> None:
        """Move what was heard of peers by the time that this process did not run."""
        for node in self._SyncObj__lastResponseTime:
            self._SyncObj__lastResponseTime[node] += late_s

    # Steps.

    def deliver(self, node_id: int, message: dict[str, object]) -> None:
        """Let PySyncObj handle a message."""
        self._post.deliver(self._node(node_id), message)

    def connect(self, node_id: int, *, observer: bool) -> None:
        """Messages reach the node from now on."""
        self._post.connect(self._node(node_id), observer=observer)

    def disconnect(self, node_id: int, *, observer: bool) -> None:
        """Messages do not reach the node any more."""
        self._post.disconnect(self._node(node_id), observer=observer)

    def forget_position(self, node_id: int) -> None:
        """Take a node for one that holds nothing: it came back with another folder."""
        node = self._node(node_id)
        if node in self._SyncObj__raftMatchIndex:
            self._SyncObj__raftMatchIndex[node] = 0
            self._SyncObj__raftNextIndex[node] = self._journal.last_index + 1

    def transfer_to(self, node_id: int) -> None:
        """Ask a follower that holds everything to take over."""
        self.transferLeadership(self._node(node_id))

    def become_candidate(self) -> None:
        """Open a term of one's own, with one's own vote."""
        assert self.selfNode is not None
        self._SyncObj__transferInProgress = False
        self._SyncObj__raftLeader = None
        self._SyncObj__setState(Role.CANDIDATE)
        self._SyncObj__setCurrentTerm(self.term + 1, self.selfNode.id)
        self._SyncObj__votesCount = 1

    def become_leader(self) -> None:
        """Lead, and open the term with a no-op."""
        self._SyncObj__onBecomeLeader()

    def become_follower(self, term: int) -> None:
        """Follow nobody yet, in ``term``, which may be newer."""
        if term > self.term:
            self._SyncObj__setCurrentTerm(term, None)
        self._SyncObj__raftLeader = None
        self._SyncObj__setState(Role.FOLLOWER)

    def forget_leader(self) -> None:
        """The leader was not heard of for too long."""
        self._SyncObj__raftLeader = None

    # Overridden.

    def _SyncObj__setState(self, newState: int) -> None:
        old = self.role
        super()._SyncObj__setState(newState)
        if old != newState:
            self._on_role(old, Role(newState))

    def _SyncObj__generateRaftTimeout(self) -> float:
        return self._election_timeout()

    def _SyncObj__getEntries(
        self, fromIDx: int | None, count: int | None = None, maxSizeBytes: int | None = None
    ) -> list[Entry]:
        # Asked without a count, PySyncObj cuts what follows the first entry. It is shown
        # more than that entry only if the leader contradicts the next one.
        if count is None and not self._journal.expects_conflict:
            count = 1
        return super()._SyncObj__getEntries(fromIDx, count, maxSizeBytes)

    def _SyncObj__sendAppendEntries(self) -> None:
        self._send_entries()

    def _SyncObj__parseChangeClusterRequest(self, command: bytes) -> object:
        return None  # voters are static

    def _onTick(self, timeToWait: float = 0.0) -> None:
        raise AssertionError("the core has a tick of its own")

    def _SyncObj__applyLogEntries(self) -> bool:
        raise AssertionError("the core applies by itself")

    def _SyncObj__doApplyCommand(self, command: bytes) -> object:
        raise AssertionError("the core applies by itself")

    def _SyncObj__tryLogCompaction(self) -> None:
        raise AssertionError("the core takes its own snapshots")

    def _SyncObj__loadDumpFile(self, clearJournal: bool) -> None:
        raise AssertionError("the core loads its own snapshots")

    def _node(self, node_id: int) -> Node:
        node = self._nodes.get(node_id)
        if node is None:
            node = self._nodes[node_id] = Node(node_id)
        return node


def _conf(settings: RaftSettings, journal: Journal) -> SyncObjConf:
    return SyncObjConf(
        autoTick=False,
        dynamicMembershipChange=False,
        appendEntriesUseBatch=True,
        commandsWaitLeader=False,
        journalFile=journal,
        fullDumpFile=None,
        useFork=False,
        password=None,
        raftMinTimeout=settings.election_timeout_min_s,
        raftMaxTimeout=settings.election_timeout_max_s,
        appendEntriesPeriod=settings.heartbeat_s,
        leaderFallbackTimeout=settings.check_quorum_s,
        connectionTimeout=settings.election_timeout_max_s,
    )
