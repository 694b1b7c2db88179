"""A node on the store of the storms, in virtual time: what it submits when, also after a restart."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from loadtests.storm.disk import Disk
from loadtests.storm.store import ModelStore
from reference_sender.dispatch import Dispatcher, DispatchSettings
from reference_sender.dispatch.values import (
    Lane,
    Message,
    Outcome,
    Recovered,
    Report,
    Result,
    RouteLimits,
    State,
)
from reference_sender.node.effects import NodeEffect, SubmitNow
from reference_sender.node.node import Node
from reference_sender.node.times import NodeTimes
from reference_sender.policy.campaigns import CampaignChange, CampaignState
from reference_sender.policy.settings import NO_POLICY, PolicySettings
from reference_sender.runtime.stored_gate import stored_gate
from reference_sender.store.protocol import Place, Record

LIMITS = RouteLimits("r", 1e6, 1e6, 1e6, 1e6, max_batch=20, max_in_flight=64, idempotency_window_s=86_400.0)
TIMES = NodeTimes(linger_ns=0)


class HeldWorld:
    """``seen`` is called with each message whose request goes out."""

    def __init__(
        self,
        policy: PolicySettings = NO_POLICY,
        seen: Callable[[Message], None] = lambda _: None,
        late_reports: int = 50_000,
    ) -> None:
        self.policy = policy
        self.now_ns = 0  # on the process's clock, which begins at the wall clock
        self.wall_ahead_ns = 0
        self.disk = Disk()
        self.in_flight: list[SubmitNow] = []
        self.sent: list[tuple[int, int]] = []  # when, and the id
        self._seen = seen
        self._made = 0
        self._settings = DispatchSettings(late_reports=late_reports)
        self.start()

    def start(self, page: int | None = None) -> None:
        """A new process on the disk, which reads ``page`` untried messages, or all. Requests without an
        answer never get one.
        """
        self.in_flight.clear()
        self.now_ns += self.wall_ahead_ns
        self.wall_ahead_ns = 0
        self.disk.opened = False
        self.store = ModelStore(self.disk)
        gate = stored_gate(self.policy, self.store)
        dispatcher = Dispatcher(self._settings, (LIMITS,), 1)
        self.campaigns = dispatcher.campaigns
        self.node = Node(dispatcher, TIMES, gate)
        self._last_id = self.store.identity().last_message_id
        self._page = page
        self.unread = len(self.store.unfinished())
        self._recover(self.store.unfinished(page))
        self.act(self.node.recover_sent(self.now_ns, self.store.sent(self.store.sent_ids())))

    def read_on(self) -> None:
        """Read another page."""
        if self.unread:
            self._recover(self.store.unfinished(self._page, self._place))

    def _recover(self, page: list[Recovered]) -> None:
        self.unread -= len(page)
        if page:
            last = page[-1].message
            self._place = Place(last.lane, last.message_id, self._last_id)
        self.act(self.node.recover(self.now_ns, page, self.unread))

    def message(
        self, lane: Lane = Lane.MARKETING, to: str = "48500100200", valid_ns: int = 10**15, **more: object
    ) -> Message:
        """A new message. ``more``: further fields."""
        self._made += 1
        fields = {"campaign": "may", "sender_id": "", "segments": 1} | more
        return Message(
            message_id=self._made,
            key=f"k-{self._made}",
            to=to,
            text="x",
            lane=lane,
            created_ns=self.now_ns,
            expires_ns=self.now_ns + valid_ns,
            **fields,  # type: ignore[arg-type]
        )

    def take(self, *messages: Message) -> None:
        """Store and send these."""
        self.node.take_many(messages, None)
        self.act([])

    def set_wall(self, by_ns: int) -> None:
        """The wall clock is set forward, or back; the process notices it at once."""
        self.wall_ahead_ns += by_ns
        self.act(self.node.wall_set(self.now_ns, self.wall_ahead_ns))
        self.pass_time(self.now_ns)

    def set_state(self, state: CampaignState, name: str = "may", limit: int | None = None) -> None:
        """Pause, resume or cancel a campaign."""
        self.act(self.node.change_campaign(self.now_ns, CampaignChange(name, state, limit), None))

    def opt_out(self, number: str) -> None:
        """``number`` opts out."""
        self.act(self.node.opt_out(self.now_ns, [number], None))

    def answer(self, outcome: Outcome = Outcome.ACCEPTED) -> None:
        """Answer every request in flight."""
        for submit in [self.in_flight.pop(0) for _ in list(self.in_flight)]:
            results = [Result(outcome, f"p-{each.key}") for each in submit.messages]
            self.act(self.node.answered(self.now_ns, submit.batch_id, results))

    def report(self, number: int, state: State) -> None:
        """The provider reports this message."""
        self.report_all((number,), state)

    def report_all(self, numbers: Sequence[int], state: State) -> None:
        """The provider reports these messages in one call."""
        reports = [Report(f"p-k-{number}", f"k-{number}", state, "reported") for number in numbers]
        self.act(self.node.reported(self.now_ns, reports, None))

    def pass_time(self, until_ns: int) -> None:
        """Do what is due until then, at its instant."""
        while (due_ns := self.node.next_deadline()) is not None and due_ns <= until_ns:
            self.now_ns = max(self.now_ns, due_ns)
            self.act(self.node.advance(self.now_ns))
        self.now_ns = until_ns
        self.act(self.node.advance(self.now_ns))

    def records(self) -> dict[int, Record]:
        """What is stored, by id."""
        return {each.message.message_id: each for each in self.store.records(0, 10**6)}

    def act(self, effects: Sequence[NodeEffect]) -> None:
        """Carry out ``effects``, and commit what waits."""
        todo = list(effects)
        while todo or self.node.commit_due_ns() is not None:
            for effect in todo:
                if isinstance(effect, SubmitNow):
                    self.in_flight.append(effect)
                    for message in effect.messages:
                        self.sent.append((self.now_ns, message.message_id))
                        self._seen(message)
            todo = []
            if self.node.commit_due_ns() is not None:
                commit = self.node.begin_commit(self.now_ns)
                taken = {} if commit.work is None else self.store.commit(commit.work)
                todo = self.node.committed(self.now_ns, taken, self.store.ended(commit.late))
