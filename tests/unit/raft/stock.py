"""The unmodified library in the scenarios that the quorum's tests pass: does it fail there?

Run in a process of its own, because the quorum patches the library's modules for good. Prints
a JSON object: scenario -> whether the defect shows.
"""
# Drives parts of the library that the stubs leave out, on purpose, because the product does:
# mypy: ignore-errors
# pyright: basic, reportAttributeAccessIssue=false, reportArgumentType=false
# pyright: reportCallIssue=false, reportIncompatibleMethodOverride=false

from __future__ import annotations

import copy
import json
import logging
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path

import pysyncobj.syncobj as library
from pysyncobj import SyncObj, SyncObjConf, replicated
from pysyncobj.journal import FileJournal
from pysyncobj.node import Node
from pysyncobj.transport import Transport

NEVER = 1e18
FOLLOWER = 0
TIME = [1000.0]


class Wire(Transport):
    """Keeps what is sent."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)
        self.sent: list[tuple[str, dict]] = []

    def send(self, node: Node, message: dict) -> bool:
        """Keep a message as it is now."""
        self.sent.append((node.id, copy.deepcopy(message)))
        return True


class Stock(SyncObj):
    """A dictionary on the library as it is; it campaigns only when told to."""

    def __init__(self, name: str, names: str, **conf: object) -> None:
        others = [Node(other) for other in names if other != name]
        settings = SyncObjConf(autoTick=False, raftMinTimeout=0.5, raftMaxTimeout=1.0, **conf)
        self.failing = False
        self.failed = 0
        self.outcomes: list[int] = []
        super().__init__(Node(name), others, settings, nodeClass=Node, transportClass=Wire)
        self.data: dict[str, object] = {}  # from here on: part of its snapshots
        for other in others:
            self.wire._onNodeConnected(other)
        self._SyncObj__raftElectionDeadline = NEVER

    @replicated
    def put(self, key: str, value: object) -> None:
        """Set a key."""
        if self.failing:
            self.failed += 1
            raise ValueError(key)
        self.data[key] = value

    def propose(self, key: str, value: object = 1) -> None:
        """Set a key and keep the outcome; 0 is success."""
        self.put(key, value, callback=lambda _, outcome: self.outcomes.append(outcome))

    @property
    def wire(self) -> Wire:
        """The transport."""
        return self._SyncObj__transport

    def log(self) -> list[tuple[int, int]]:
        """Return (index, term) of all entries."""
        return [entry[1:] for entry in self._SyncObj__raftLog[:]]

    def tick(self, times: int = 1) -> None:
        """Let it work."""
        for _ in range(times):
            self.doTick(0.0)

    def time_out(self) -> None:
        """Let it campaign."""
        self._SyncObj__raftElectionDeadline = 0
        self.tick()

    def receive(self, source: str, message: dict) -> None:
        """Deliver a message."""
        self.wire._onMessageReceived(Node(source), message)

    def take(self, target: str | None = None, kind: str | None = None) -> list[tuple[str, dict]]:
        """Remove and return what it sent."""
        chosen = [
            entry
            for entry in self.wire.sent
            if target in (None, entry[0]) and kind in (None, entry[1]["type"])
        ]
        self.wire.sent = [entry for entry in self.wire.sent if entry not in chosen]
        return chosen


class Cluster(dict[str, Stock]):
    """Nodes by letter."""

    def __init__(self, names: str, **conf: object) -> None:
        super().__init__({name: Stock(name, names, **conf) for name in names})

    def flow(self, *links: str, rounds: int = 30) -> None:
        """Let time pass; messages on these links arrive."""
        open_links = {frozenset(link) for link in links}
        for _ in range(rounds):
            TIME[0] += 0.15
            for node in self.values():
                node.tick()
            for name, node in self.items():
                for target, message in node.take():
                    if frozenset((name, target)) in open_links and target in self:
                        self[target].receive(name, message)
            self.hold_still()

    def hold_still(self) -> None:
        """Let nobody campaign."""
        for node in self.values():
            if not node._isLeader():
                node._SyncObj__raftElectionDeadline = NEVER

    def elect(self, name: str, voters: str) -> None:
        """Make a node the leader by these votes."""
        candidate = self[name]
        candidate.time_out()
        for target, message in candidate.take(kind="request_vote"):
            if target in voters:
                self[target].receive(name, message)
        for voter in voters:
            for _, message in self[voter].take(name, "response_vote"):
                candidate.receive(voter, message)
        self.hold_still()
        assert candidate._isLeader()

    def led(self) -> Cluster:
        """Let A lead, known to all."""
        self.elect("A", "".join(self)[1:])
        self.flow(*(f"A{other}" for other in self if other != "A"))
        return self


def beat(node: Stock, times: int = 1) -> None:
    """Let heartbeats become due."""
    for _ in range(times):
        TIME[0] += 0.2
        node.tick()


def appended(first: int, last: int) -> list[tuple[bytes, int, int]]:
    """Return entries of term 1 that set keys."""
    return [
        (b"\x00" + pickle.dumps((0, (f"k{index}", index)), 2), index, 1)
        for index in range(first, last + 1)
    ]


def follower_with_entries(folder: Path, last: int, **conf: object) -> Stock:
    """Return node B with a journal on disk that holds entries up to ``last``."""
    node = Stock("B", "ABC", journalFile=f"{folder}/journal", useFork=False, **conf)
    message = {"type": "append_entries", "term": 1, "prevLogIdx": 1, "prevLogTerm": 0}
    node.receive("A", {**message, "commit_index": last, "entries": appended(2, last)})
    return node


def commits_what_it_did_not_verify(folder: Path) -> bool:
    cluster = Cluster("ABC").led()
    cluster["A"].propose("x", "lost")
    cluster["A"].tick(3)
    for node in cluster.values():
        node.take()
    cluster.elect("B", "C")
    for number in range(20):
        cluster["B"].put(f"k{number}", number)
    cluster.flow("BC", rounds=10)
    cluster["B"].forceLogCompaction()
    cluster.flow("BC", rounds=4)
    for _ in range(6):
        beat(cluster["B"])
        for _, message in cluster["B"].take("A"):
            cluster["A"].receive("B", message)
            cluster["A"].tick()
        for _, message in cluster["A"].take("B"):
            cluster["B"].receive("A", message)
    return cluster["A"].outcomes == [0] and "x" not in cluster["B"].data


def counts_acknowledgements_of_another_term(folder: Path) -> bool:
    cluster = Cluster("ABCDE").led()
    for number in range(6):
        cluster["A"].put(f"a{number}", number)
    beat(cluster["A"], 2)
    for target, message in cluster["A"].take():
        if target == "B":
            cluster["B"].receive("A", message)
    late = cluster["B"].take("A", "next_node_idx")
    cluster.elect("C", "DE")
    for _ in range(12):
        beat(cluster["C"])
        for _, message in cluster["C"].take("A"):
            cluster["A"].receive("C", message)
        for _, message in cluster["A"].take("C"):
            cluster["C"].receive("A", message)
    cluster.elect("A", "DE")
    cluster["A"].take()
    cluster["A"].propose("acknowledged")
    for _ in range(10):
        beat(cluster["A"])
        for _, message in cluster["A"].take("D"):
            cluster["D"].receive("A", message)
        for _, message in cluster["D"].take("A"):
            cluster["A"].receive("D", message)
    before = list(cluster["A"].outcomes)
    for _, message in late:
        cluster["A"].receive("B", message)
    cluster["A"].tick(2)
    return before == [] and cluster["A"].outcomes == [0]


def cuts_what_it_acknowledged(folder: Path) -> bool:
    cluster = Cluster("ABC").led()
    leader, follower = cluster["A"], cluster["B"]
    for number in range(10):
        leader.propose(f"k{number}", "v" * 10_000)
    beat(leader, 2)
    leader.take()
    beat(leader)
    first_beat = leader.take("B")
    beat(leader)
    for _, message in first_beat + leader.take("B"):
        follower.receive("A", message)
    resets = follower.take("A")
    leader.receive("B", resets[0][1])
    beat(leader)
    for _, message in leader.take("B"):
        follower.receive("A", message)
    acknowledgements = follower.take("A")
    leader.receive("B", resets[1][1])
    beat(leader)
    resent = leader.take("B")
    for _, message in acknowledgements:
        leader.receive("B", message)
    leader.tick(2)
    end = follower.log()[-1]
    follower.receive("A", resent[0][1])
    return leader.outcomes.count(0) == 10 and follower.log()[-1] < end


def changes_members_at_once(folder: Path) -> bool:
    cluster = Cluster("ABC", dynamicMembershipChange=True).led()
    for name in "DEFG":
        cluster["A"].addNodeToCluster(Node(name))
    cluster["A"].tick()
    return len(cluster["A"].otherNodes) > 3


def breaks_on_a_large_command(folder: Path) -> bool:
    size = 2 * 65536
    overhead = len(pickle.dumps((0, ("k", "v" * size)), 2)) - size + 1
    cluster = Cluster("ABC", appendEntriesBatchSizeBytes=65536).led()
    cluster["A"].propose("k", "v" * (size - overhead - 4))
    try:
        cluster.flow("AB", "AC", rounds=40)
    except Exception:  # whatever the library raises
        return True
    return cluster["A"].outcomes != [0]


def throws_acknowledged_entries_away_after_a_snapshot(folder: Path) -> bool:
    dump = f"{folder}/dump"
    node = follower_with_entries(folder, 10, fullDumpFile=dump)
    message = {"type": "append_entries", "term": 1, "prevLogIdx": 10, "prevLogTerm": 1}
    node.receive("A", {**message, "commit_index": 10, "entries": appended(11, 21)})
    acknowledged = [m["next_node_idx"] for _, m in node.take(kind="next_node_idx")][-1] - 1
    node.tick()
    node.forceLogCompaction()
    node.tick()
    node._SyncObj__raftLog.flush()
    again = Stock("B", "ABC", journalFile=f"{folder}/journal", fullDumpFile=dump, useFork=False)
    again.tick()
    return again.log()[-1][0] < acknowledged


def starts_empty_from_a_torn_snapshot(folder: Path) -> bool:
    dump = f"{folder}/dump"
    node = follower_with_entries(folder, 21, fullDumpFile=dump)
    node.tick()
    node.forceLogCompaction()
    node.tick(3)
    before = len(node.data)
    node._SyncObj__raftLog.onOneSecondTimer()
    with Path(dump).open("r+b") as file:
        file.truncate(10)
    again = Stock("B", "ABC", journalFile=f"{folder}/journal", fullDumpFile=dump, useFork=False)
    again.tick(5)
    return len(again.data) < before


def starts_from_a_damaged_journal(folder: Path) -> bool:
    follower_with_entries(folder, 11)._doDestroy()
    path = folder / "journal"
    content = bytearray(path.read_bytes())
    content[40 + 25 + 4 + 16 + 14] ^= 0xFF
    path.write_bytes(content)
    return Stock("B", "ABC", journalFile=str(path)).log()[-1][0] == 11


def votes_twice_after_a_restart(folder: Path) -> bool:
    node = Stock("B", "ABC", journalFile=f"{folder}/journal")
    request = {"type": "request_vote", "term": 7, "last_log_term": 0, "last_log_index": 1}
    node.receive("A", request)
    (folder / "journal.meta").write_bytes(b"")  # written without a sync: empty after a power loss
    again = Stock("B", "ABC", journalFile=f"{folder}/journal")
    again.receive("C", request)
    return bool(node.take("A", "response_vote")) and bool(again.take("C", "response_vote"))


def applies_a_failing_command_for_ever(folder: Path) -> bool:
    cluster = Cluster("ABC").led()
    cluster["A"].failing = True
    cluster["A"].propose("x")
    for _ in range(30):
        try:
            cluster.flow("AB", "AC", rounds=1)
        except ValueError:
            continue
    return cluster["A"].failed > 5 and cluster["A"].outcomes == []


RAN: list[str] = []


def run(what: str) -> None:
    """Note that something ran."""
    RAN.append(what)


class Trap:
    """Runs code when unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return run, ("code of a peer",)


def runs_code_of_a_peer(folder: Path) -> bool:
    cluster = Cluster("ABC").led()
    term = cluster["A"].raftCurrentTerm
    piece = {"type": "append_entries", "term": term, "commit_index": 1}
    piece |= {"prevLogIdx": 1, "prevLogTerm": 0}
    cluster["B"].receive("A", {**piece, "transmission": "start", "data": b""})
    try:
        finish = {"transmission": "finish", "data": pickle.dumps(Trap())}
        cluster["B"].receive("A", {**piece, **finish})
    except TypeError:
        pass  # what was unpickled is no entry; it ran all the same
    return RAN != []


def is_unseated_by_a_node_that_was_cut_off(folder: Path) -> bool:
    cluster = Cluster("ABC").led()
    for _ in range(5):
        cluster["C"].time_out()
        cluster["C"].take()
    cluster["C"].time_out()
    for target, message in cluster["C"].take(kind="request_vote"):
        cluster[target].receive("C", message)
    return not cluster["A"]._isLeader()


def leads_without_a_majority(folder: Path) -> bool:
    cluster = Cluster("ABC").led()
    cluster.elect("B", "C")
    started = TIME[0]
    while cluster["A"]._isLeader() and TIME[0] < started + 100:
        beat(cluster["A"])
        cluster["A"].take()
    return TIME[0] > started + 10


def loses_its_journal_when_killed_in_a_compaction(folder: Path) -> bool:
    journal = FileJournal(f"{folder}/compacted")
    for index in range(1, 2001):
        journal.add(b"\x00" + b"x" * 50, index, 1)
    add, added = journal.add, []

    def killed(*entry: object) -> None:
        added.append(entry)
        if len(added) == 500:
            raise KeyboardInterrupt
        add(*entry)

    journal.add = killed
    try:
        journal.deleteEntriesTo(100)
    except KeyboardInterrupt:
        journal.flush()
    again = FileJournal(f"{folder}/compacted")
    return len(again) == 0 or again[-1][1] < 2000


def never_gets_a_diverging_follower_in_step(folder: Path) -> bool:
    cluster = Cluster("ABC").led()
    for number in range(3):
        cluster["A"].put(f"t{number}", number)
    beat(cluster["A"], 2)
    cluster["A"].take()
    cluster.elect("B", "C")
    cluster["A"]._SyncObj__raftState = FOLLOWER
    for number in range(20):
        cluster["B"].put(f"k{number}", "v" * 10_000)
    cluster.flow("BC", rounds=10)
    cluster.flow("AB", "BC", rounds=200)
    return cluster["A"].log()[-1] != cluster["B"].log()[-1]


def follows_an_observer(folder: Path) -> bool:
    cluster = Cluster("ABC").led()
    cluster["A"].wire._onReadonlyNodeConnected(Node("0"))
    message = {"type": "append_entries", "term": 99, "commit_index": 1, "prevLogIdx": 1}
    cluster["A"].receive("0", {**message, "prevLogTerm": 0, "entries": [(b"\x01", 2, 99)]})
    return cluster["A"]._getLeader() == Node("0")


def counts_a_vote_twice(folder: Path) -> bool:
    candidate = Cluster("ABCDE")["A"]
    candidate.time_out()
    for _ in range(2):
        candidate.receive("B", {"type": "response_vote", "term": candidate.raftCurrentTerm})
    return candidate._isLeader()


SCENARIOS = (
    commits_what_it_did_not_verify,
    counts_acknowledgements_of_another_term,
    cuts_what_it_acknowledged,
    changes_members_at_once,
    breaks_on_a_large_command,
    throws_acknowledged_entries_away_after_a_snapshot,
    starts_empty_from_a_torn_snapshot,
    starts_from_a_damaged_journal,
    votes_twice_after_a_restart,
    applies_a_failing_command_for_ever,
    runs_code_of_a_peer,
    is_unseated_by_a_node_that_was_cut_off,
    leads_without_a_majority,
    loses_its_journal_when_killed_in_a_compaction,
    never_gets_a_diverging_follower_in_step,
    follows_an_observer,
    counts_a_vote_twice,
)


def main() -> None:
    """Run all scenarios."""
    logging.disable(logging.CRITICAL)
    library.monotonicTime = lambda: TIME[0]
    shows: dict[str, bool] = {}
    for scenario in SCENARIOS:
        with tempfile.TemporaryDirectory() as folder:
            shows[scenario.__name__] = scenario(Path(folder))
    print(json.dumps(shows))


if __name__ == "__main__":
    main()
