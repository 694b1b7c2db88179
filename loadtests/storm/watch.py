"""What is recorded of a storm for its invariants, and what is checked while it happens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from loadtests.arrivals import NS_PER_S
from loadtests.storm import features
from loadtests.storm.controls_watch import ControlsWatch
from loadtests.storm.limits_watch import LimitsWatch
from loadtests.storm.process import StormProcess
from loadtests.storm.purge import RemovedRules
from loadtests.storm.state import StormState
from reference_sender.dispatch.hedging import HEDGED
from reference_sender.dispatch.message_states import EXPIRED_UNREPORTED
from reference_sender.dispatch.values import (
    FINAL_STATES,
    Lane,
    Message,
    Outcome,
    Result,
    State,
    key_of_first,
    key_of_second,
)
from reference_sender.node.effects import Commit, SubmitNow
from reference_sender.policy.quiet_hours import FOREVER, OpeningHours
from reference_sender.policy.settings import PolicySettings
from reference_sender.store.protocol import Record

_DAY_NS = 86_400 * NS_PER_S
_COMMIT_NS = 300 * NS_PER_S  # how long a change waits for its commit at most: a slow disk, a paused process
_COUNTED = frozenset({Outcome.RETRYABLE, Outcome.UNKNOWN})
_REFUSALS = frozenset(
    {Outcome.THROTTLED, Outcome.RETRYABLE, Outcome.DEFERRED, Outcome.SPLIT, Outcome.ROUTE_DOWN}
)


class Violation(Struct, frozen=True):
    """An invariant that does not hold, and for which messages."""

    invariant: str
    text: str
    keys: tuple[str, ...] = ()


class StormWatch:
    """``violations`` has what was found during the storm."""

    def __init__(
        self, state: StormState, policy: PolicySettings, max_attempts: int, report_timeout_s: float
    ) -> None:
        self._state = state
        self._report_timeout_s = report_timeout_s
        self._max_attempts = max_attempts
        self.violations: list[Violation] = []
        self.acknowledged_keys: set[str] = set()
        self.submitted_keys: Counter[str] = Counter()
        self._attempted: Counter[str] = Counter()  # attempts that were to be stored, by key
        self.attempted_ns: dict[str, int] = {}  # by key, when the last attempt was to be stored, or went out
        self._submitted_ns: dict[str, int] = {}  # by key, when the last attempt went out
        self._stopped: dict[str, frozenset[str]] = {}  # campaigns, with what had been attempted by then
        self._opted_out: dict[str, frozenset[str]] = {}  # numbers, with the same
        self._hours = OpeningHours(policy.countries)
        self.limits = LimitsWatch(policy)
        self.controls = ControlsWatch(state)
        self.purged_records: dict[str, Record] = {}  # by key
        self.repeats: dict[int, set[int]] = {}  # ids of the messages that repeat a dead letter, by its id
        self.holders: dict[str, int] = {}  # by the key of a refused duplicate, the id of what keeps it out
        self._attempt_wall_ns: dict[str, int] = {}  # the wall clock when the last attempt was to be stored
        self._ended: dict[str, tuple[int, int]] = {}  # by key: process, and when by its clock
        self._refused: Counter[tuple[int, str]] = Counter()  # attempts, by the process's number and key
        self._counted: Counter[str] = Counter()  # attempts that count, in all processes
        self.reasons_to_fail: set[str] = set()  # keys: refused permanently, or tried as often as allowed
        self._refused_permanently: set[tuple[int, str]] = set()  # with the number of the process
        self._hedged: set[tuple[int, str]] = set()  # with the number of the process

    def acknowledged(self, keys: Sequence[str]) -> None:
        """A client has the answer that its messages are kept."""
        self.acknowledged_keys.update(keys)
        self._state.note(f"acknowledged: {' '.join(keys)}")

    def stopped_campaign(self, campaign: str) -> None:
        """That a campaign is paused or cancelled was acknowledged."""
        self._stopped[campaign] = frozenset(self._attempted)

    def resumed_campaign(self, campaign: str) -> None:
        """A campaign is resumed."""
        self._stopped.pop(campaign, None)

    def opted_out(self, number: str) -> None:
        """That a number opted out was acknowledged."""
        self._opted_out[number] = frozenset(self._attempted)

    def counted(self, process: StormProcess, message: Message) -> None:
        """A message was stored that counts for the limit of its number."""
        for text in self.limits.counted(process.number, message):
            self._violated("number limit", text, message.key)

    def duplicate(self, message: Message, holder: int) -> None:
        """A message was refused since the one with the id ``holder`` has its campaign, number and text."""
        self._state.occurred(features.DUPLICATE)
        self._state.note(f"refused as a duplicate: {message.key}")
        self.holders[message.key] = holder
        other = self._state.disk.messages.get(holder)
        if other is None or _shown(other) != _shown(message):
            self._violated("stored once", f"{message.key} was refused and has no duplicate", message.key)

    def purged(self, process: StormProcess, gone: Sequence[Record]) -> None:
        """Messages were removed from the store."""
        for record in gone:
            key = record.message.key
            self._state.occurred(features.PURGE)
            self._state.note(f"purged: {key}, {record.state.value}")
            self.purged_records[key] = record
            number, at_ns = self._ended.get(key, (0, 0))
            young = number == process.number and process.now_ns() - at_ns < process.keep_ns
            if record.state not in FINAL_STATES or young:
                self._violated("purged", f"{key} was removed, {record.state.value}", key)

    def rules_purged(self, process: StormProcess, gone: RemovedRules) -> None:
        """Controls and costs were removed from the store. A later campaign of that name is new."""
        self.controls.purged(gone)
        today = process.wall_ns // _DAY_NS
        for spent in gone.costs:
            if spent.day >= today:
                text = f"costs of {spent.campaign} on day {spent.day} were removed on day {today}"
                self._violated("costs", text, "")
        for name in gone.campaigns:
            if any(message.campaign == name for message in self._state.disk.messages.values()):
                self._violated("controls", f"the controls of {name}, which has messages, were removed", "")
            self._stopped.pop(name, None)
            self.limits.forgotten(name)

    def check_controls(self, process: StormProcess) -> None:
        """The store and the process have the same controls, as far as messages need them."""
        for text in self.controls.differences(process.node):
            self.violated("controls", text)

    def replaying(self, key: str) -> None:
        """A dead letter is about to be sent again. Of an OTP and its second message none may have arrived."""
        first, disk = key_of_first(key), self._state.disk
        for each in (first, key_of_second(first)):
            change = disk.progress.get(disk.ids.get(each, 0))
            if change is not None and change.state in (State.SENT, State.DELIVERED):
                self._violated("replay", f"{key} is sent again and {each} is {change.state.value}", key)

    def replayed(self, old_id: int, key: str, number: int | None) -> None:
        """A dead letter was sent again, now or before, as the message with this number."""
        repeats = self.repeats.setdefault(old_id, set())
        if number is not None:
            repeats.add(number)
        if len(repeats) > 1:
            self._violated("replay", f"message {old_id} was sent again as {sorted(repeats)}", key)

    def hedged(self, process: StormProcess, message: Message) -> None:
        """A second message was made. A process that starts may make it again: its key is stored once."""
        made = process.number, message.key
        if made in self._hedged:
            self._violated("hedge", f"{message.key} was made twice", message.key)
        self._hedged.add(made)

    def check_schedules(self, process: StormProcess, overdue_ns: int) -> None:
        """No message is held although its instant has passed by ``overdue_ns``."""
        disk, gate = self._state.disk, process.node.gate
        for message in disk.messages.values():
            waits = message.message_id not in disk.progress and gate.holds(message.message_id)
            # In quiet hours, in a stopped campaign and over a limit it is held in spite of its schedule.
            waits = waits and not message.keeps_hours and not gate.bars(message)
            if waits and 0 < message.not_before_ns < process.wall_ns - overdue_ns:
                late_s = (process.wall_ns - message.not_before_ns) / 1e9
                text = f"{message.key} is held {late_s:.3f} s after its time"
                self._violated("schedule", text, message.key)

    def _check_rules(self, process: StormProcess, message: Message) -> None:
        """The rules do not apply to a message that a provider may have; it is repeated. A process knows that
        none has it if the answer to each attempt was a refusal. An OTP that got its second message while it
        was in flight stays with its route.
        """
        wall_ns = process.wall_ns
        key = message.key
        change = self._state.disk.progress.get(message.message_id)
        is_hedged = change is not None and change.reason == HEDGED
        if is_hedged or self._attempted[key] > 1 + self._refused[process.number, key]:
            return
        if message.campaign in self._stopped and key not in self._stopped[message.campaign]:
            self._violated("stopped", f"{key} was submitted and {message.campaign} is stopped", key)
        opted_out = message.lane is Lane.MARKETING and message.to in self._opted_out
        if opted_out and key not in self._opted_out[message.to]:
            self._violated("stopped", f"{key} was submitted and its number had opted out", key)
        if message.not_before_ns:
            self._state.occurred(features.SCHEDULE)
            # The wall clock may have been set back since the attempt was handed to the store.
            if message.not_before_ns > max(wall_ns, self._attempt_wall_ns.get(key, 0)):
                self._violated("schedule", f"{key} was submitted before its time", key)
        if message.keeps_hours:
            self._state.occurred(features.HOURS)
            closed = self._hours.window(message.to, wall_ns).opens_ns > wall_ns
            if closed:
                self._violated("schedule", f"{key} was submitted in quiet hours", key)

    def violated(self, invariant: str, text: str) -> None:
        """An invariant does not hold, of no message in particular."""
        self.violations.append(Violation(invariant, text))

    def _violated(self, invariant: str, text: str, key: str) -> None:
        self.violations.append(Violation(invariant, text, (key,)))

    def submitted(self, process: StormProcess, submit: SubmitNow) -> None:
        """A request goes out."""
        now_ns = process.now_ns()
        for message in submit.messages:
            self.submitted_keys[message.key] += 1
            self.attempted_ns[message.key] = self._submitted_ns[message.key] = self._state.now_ns
            if message.expires_ns <= now_ns:
                late_s = (now_ns - message.expires_ns) / 1e9
                text = f"{message.key} was submitted {late_s:.3f} s after its expiry"
                self._violated("expiry", text, message.key)
            if (process.number, message.key) in self._refused_permanently:
                text = f"{message.key} was submitted after it had been refused permanently"
                self._violated("refused", text, message.key)
            self._check_rules(process, message)
        if self._state.is_noting:
            keys = " ".join(message.key for message in submit.messages)
            self._state.note(f"submitted on {submit.route}: {keys}")

    def answered(
        self, process: StormProcess, route: str, messages: Sequence[Message], results: Sequence[Result]
    ) -> None:
        """The sender learns the result of a request."""
        most = self._max_attempts
        for message, result in zip(messages, results, strict=True):
            self._state.occurred(features.ANSWERS[result.outcome])
            self._note_reason_to_fail(process, message.key, result.outcome, len(messages))
            if result.outcome in _REFUSALS:
                self._refused[process.number, message.key] += 1
            if result.outcome in _COUNTED:
                number = process.counted[message.key] = process.counted.get(message.key, 0) + 1
                if number > most:
                    text = f"{message.key} has {number} attempts that count; its budget is {most}"
                    self._violated("retry budget", text, message.key)
        if self._state.is_noting:
            text = " ".join(
                f"{message.key}={result.outcome.value}({result.reason or result.provider_id or ''})"
                for message, result in zip(messages, results, strict=True)
            )
            self._state.note(f"answered by {route}: {text}")

    def _note_reason_to_fail(
        self, process: StormProcess, key: str, outcome: Outcome, batch_size: int
    ) -> None:
        self._counted[key] += outcome in _COUNTED
        is_permanent = outcome is Outcome.PERMANENT or (outcome is Outcome.SPLIT and batch_size == 1)
        if is_permanent:
            self._refused_permanently.add((process.number, key))
        if is_permanent or self._counted[key] >= self._max_attempts:
            self.reasons_to_fail.add(key)

    def committing(self, process: StormProcess, commit: Commit) -> None:
        """A commit begins."""
        if commit.work is None:
            return
        self.controls.committing(commit.work)
        messages = self._state.disk.messages
        if commit.work.attempts and commit.work.messages:
            messages = messages | {each.message_id: each for each in commit.work.messages}
        for attempt in commit.work.attempts:
            process.lanes.begun(attempt, messages, process.node.gate.wall.ahead_ns)
            keys = [messages[number].key for number in attempt.message_ids]
            self._attempted.update(keys)
            self.attempted_ns.update(dict.fromkeys(keys, self._state.now_ns))
            self._attempt_wall_ns.update(dict.fromkeys(keys, process.wall_ns))
        for text in self.limits.exceeded(process.node.gate):
            self._violated("spending", text, "")
        self._count_held(process, commit.work.messages)
        for change in commit.work.changes:
            if change.state in FINAL_STATES:
                self._ended[change.key] = process.number, change.at_ns - _ahead_ns(process)
            if change.reason == EXPIRED_UNREPORTED:
                self._check_wait(change.key)
            process.ends.setdefault(change.state, set()).add(change.key)
            if change.state is not State.QUEUED and self._state.is_noting:
                self._state.note(f"commit: {change.key} is {change.state.value} {change.reason}")

    def _check_wait(self, key: str) -> None:
        """A message is given up only if its report has not come in time. The wall clock counts while no
        process runs. A lookup cannot distinguish equal messages, so it may find one that did not go out.
        """
        since_ns = self._submitted_ns.get(key, self.attempted_ns.get(key))
        if since_ns is None:
            self._violated("unreported", f"{key} was given up, and was never tried", key)
            return
        waited_s = (self._state.now_ns - since_ns) / 1e9 + self._state.wall_forward_s
        if waited_s < self._report_timeout_s:
            self._violated("unreported", f"{key} was given up after {waited_s:.1f} s", key)

    def _count_held(self, process: StormProcess, messages: Sequence[Message]) -> None:
        gate = process.node.gate
        for message in messages:
            if message.not_before_ns >= FOREVER:
                campaign = gate.campaign(message.campaign)
                is_limited = campaign is not None and campaign.spending_limit is not None
                self._state.occurred(features.CAMPAIGN_LIMIT if is_limited else features.DAILY_LIMIT)


def _shown(message: Message) -> tuple[str, str, str]:
    return message.campaign, message.to, message.text


def _ahead_ns(process: StormProcess) -> int:
    """The larger offset of the wall clock, now or when a change of this commit was handed over."""
    wall = process.node.gate.wall
    return max(wall.ahead_ns, wall.ahead_at_ns(process.now_ns() - _COMMIT_NS))
