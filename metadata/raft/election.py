"""Who leads: PreVote, votes collected per voter, CheckQuorum, transfer.

Sources: Raft thesis 9.6 (PreVote), 6.2 (a leader without a majority steps down), 4.2.3
(voters that hear a leader ignore candidates), 3.10 (transfer).
"""

from __future__ import annotations

from collections.abc import Callable

from metadata.raft.electorate import Electorate
from metadata.raft.journal import Journal
from metadata.raft.messages import PreVote, PreVoteAnswer, RequestVote, StaleTerm, TimeoutNow, Vote
from metadata.raft.outbox import Outbox
from metadata.raft.settings import RaftSettings
from metadata.raft.upstream import Upstream

LONG_AGO = float("-inf")


class Election:
    """One node's part in elections."""

    def __init__(
        self,
        settings: RaftSettings,
        raft: Upstream,
        journal: Journal,
        outbox: Outbox,
        timeout: Callable[[], float],
        electorate: Electorate,
    ) -> None:
        self._settings = settings
        self._raft = raft
        self._journal = journal
        self._outbox = outbox
        self._timeout = timeout
        self._electorate = electorate
        self._pre_votes: set[int] = set()
        self._pre_vote_term: int | None = None
        self._votes: set[int] = set()
        self._leader_heard = LONG_AGO

    # Time.

    def tick(self, now: float) -> None:
        """Campaign when no leader was heard of in time; step down when no majority answers."""
        raft = self._raft
        if raft.is_leader:
            self._check_quorum(now)
        elif self._settings.is_voter and now >= raft.election_deadline:
            if not self._electorate.is_complete:
                self._electorate.ask()  # again, for a message may have been lost
            if self._electorate.may_vote:
                self._campaign(now)
            else:
                self.postpone(now)

    def note_leader(self, now: float) -> None:
        """The term's leader was heard of."""
        self._leader_heard = now
        self._pre_vote_term = None

    def postpone(self, now: float) -> None:
        """Give the leader another election time-out."""
        self._raft.election_deadline = now + self._timeout()

    def excuse(self, late_s: float) -> None:
        """This process did not run for a while: nobody else is to blame for the silence."""
        self._raft.election_deadline += late_s
        self._leader_heard += late_s
        self._raft.excuse(late_s)

    def hasten(self, now: float) -> None:
        """On fresh journals the lowest connected voter campaigns once a majority is formed."""
        raft, settings = self._raft, self._settings
        if self._journal.last_index > 0 or raft.term > 0 or not self._electorate.may_vote:
            return
        reachable = [node for node in raft.connected if node in settings.voters]
        is_lowest = min(reachable, default=settings.node_id) >= settings.node_id
        if is_lowest and len(self._electorate.formed()) + 1 >= settings.majority:
            raft.election_deadline = now

    # Campaigning.

    def _campaign(self, now: float) -> None:
        raft = self._raft
        self.postpone(now)
        if raft.is_transfer_target:
            self._elect(now, transfer=True)
            return
        raft.forget_leader()
        self._pre_votes = {self._settings.node_id}
        self._pre_vote_term = raft.term
        if self._decided(self._pre_votes):
            self._elect(now, transfer=False)
            return
        question = PreVote(raft.term, self._journal.last_index, self._journal.last_term)
        for peer in raft.peers:
            self._outbox.send(peer, question)

    def _elect(self, now: float, *, transfer: bool) -> None:
        raft, journal = self._raft, self._journal
        self._pre_vote_term = None
        self.postpone(now)
        raft.become_candidate()
        self._votes = {self._settings.node_id}
        if self._decided(self._votes):
            raft.become_leader()
            return
        request = RequestVote(raft.term, journal.last_index, journal.last_term, transfer)
        for peer in raft.peers:
            self._outbox.send(peer, request)

    def _decided(self, votes: set[int]) -> bool:
        return len(votes) >= self._settings.majority

    def _check_quorum(self, now: float) -> None:
        raft = self._raft
        dead = now - self._settings.check_quorum_s
        counted = [peer for peer in raft.peers if self._electorate.counts(peer)]
        heard = [peer for peer in counted if (raft.last_response(peer) or LONG_AGO) > dead]
        if len(heard) + 1 < self._settings.majority:
            raft.become_follower(raft.term)
            self.postpone(now)

    # Messages.

    def on_pre_vote(self, now: float, source: int, question: PreVote) -> None:
        """Say whether the asker could win here; nothing is promised."""
        granted = (
            self._may_vote_for(source)
            and question.term + 1 > self._raft.term
            and not self._hears_leader(now)
            and self._is_up_to_date(question.last_term, question.last_index)
        )
        self._outbox.send(source, PreVoteAnswer(self._raft.term, question.term, granted))

    def on_pre_vote_answer(self, now: float, source: int, answer: PreVoteAnswer) -> None:
        """Campaign for real once a majority would vote for this node."""
        raft = self._raft
        if answer.term > raft.term and not answer.granted:
            raft.become_follower(answer.term)
            return
        asked = self._pre_vote_term
        if raft.is_leader or asked is None or not answer.granted:
            return
        if not self._electorate.counts(source):
            return
        if answer.asked_term == asked == raft.term:
            self._pre_votes.add(source)
            if self._decided(self._pre_votes):
                self._elect(now, transfer=False)

    def on_request_vote(self, now: float, source: int, request: RequestVote) -> None:
        """Vote, once per term, for a candidate whose log holds all that may be committed."""
        raft = self._raft
        newer = request.term > raft.term
        if not self._may_vote_for(source) or request.term < raft.term:
            return
        if newer and not request.transfer and self._hears_leader(now):
            return
        if not newer and raft.voted_for == source:
            self._outbox.send(source, Vote(raft.term))  # the answer was lost
            return
        raft.deliver(
            source,
            {
                "type": "request_vote",
                "term": request.term,
                "last_log_index": request.last_index,
                "last_log_term": request.last_term,
            },
        )

    def on_vote(self, source: int, vote: Vote) -> None:
        """Count each voter once."""
        if vote.term != self._raft.term or source in self._votes:
            return
        if not self._electorate.counts(source):
            return
        self._votes.add(source)
        self._raft.deliver(source, {"type": "response_vote", "term": vote.term})

    def on_timeout_now(self, source: int, message: TimeoutNow) -> None:
        """Take over from the leader that asks for it."""
        if self._electorate.may_vote:
            self._raft.deliver(source, {"type": "timeout_now", "term": message.term})

    def on_stale_term(self, message: StaleTerm) -> None:
        """Somebody is in a newer term: follow there."""
        if message.term > self._raft.term:
            self._raft.become_follower(message.term)

    def _may_vote_for(self, candidate: int) -> bool:
        return self._electorate.may_vote and self._electorate.counts(candidate)

    def _hears_leader(self, now: float) -> bool:
        if self._raft.is_leader:
            return True
        silence = now - self._leader_heard
        return self._raft.leader_id is not None and silence < self._settings.election_timeout_min_s

    def _is_up_to_date(self, last_term: int, last_index: int) -> bool:
        return (last_term, last_index) >= (self._journal.last_term, self._journal.last_index)
