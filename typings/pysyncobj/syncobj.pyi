from collections.abc import Callable, Iterable
from types import ModuleType

from .config import SyncObjConf
from .journal import Journal
from .node import Node
from .transport import Transport

VERSION: str
monotonicTime: Callable[[], float]
createPoller: Callable[[str], object]
createJournal: Callable[[Journal], Journal]
pickle: ModuleType

class SyncObj:
    _SyncObj__raftState: int
    _SyncObj__raftCurrentTerm: int
    _SyncObj__votedForNodeId: int | None
    _SyncObj__votesCount: int
    _SyncObj__raftLeader: Node | None
    _SyncObj__raftElectionDeadline: float
    _SyncObj__transferInProgress: bool
    _SyncObj__raftCommitIndex: int
    _SyncObj__raftLastApplied: int
    _SyncObj__raftNextIndex: dict[Node, int]
    _SyncObj__raftMatchIndex: dict[Node, int]
    _SyncObj__lastResponseTime: dict[Node, float]
    _SyncObj__leaderCommitIndex: int | None
    _SyncObj__otherNodes: set[Node]
    _SyncObj__readonlyNodes: set[Node]
    _SyncObj__connectedNodes: set[Node]
    _SyncObj__newAppendEntriesTime: float
    def __init__(
        self,
        selfNode: Node | None,
        otherNodes: Iterable[Node],
        conf: SyncObjConf | None = None,
        *,
        nodeClass: type[Node] = ...,
        transport: Transport | None = None,
    ) -> None: ...
    @property
    def selfNode(self) -> Node | None: ...
    def _onTick(self, timeToWait: float = 0.0) -> None: ...
    def transferLeadership(
        self, node: Node | None = None, callback: Callable[[object, int], None] | None = None
    ) -> None: ...
    def _SyncObj__applyLogEntries(self) -> bool: ...
    def _SyncObj__doApplyCommand(self, command: bytes) -> object: ...
    def _SyncObj__getEntries(
        self, fromIDx: int | None, count: int | None = None, maxSizeBytes: int | None = None
    ) -> list[tuple[bytes, int, int]]: ...
    def _SyncObj__generateRaftTimeout(self) -> float: ...
    def _SyncObj__loadDumpFile(self, clearJournal: bool) -> None: ...
    def _SyncObj__onBecomeLeader(self) -> None: ...
    def _SyncObj__parseChangeClusterRequest(self, command: bytes) -> object: ...
    def _SyncObj__sendAppendEntries(self) -> None: ...
    def _SyncObj__setCurrentTerm(self, term: int, votedForNodeId: int | None) -> None: ...
    def _SyncObj__setState(self, newState: int) -> None: ...
    def _SyncObj__tryLogCompaction(self) -> None: ...
