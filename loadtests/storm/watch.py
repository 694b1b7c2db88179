"""What is recorded of a storm for its invariants, and what is checked while it happens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from reference_sender.dispatch.values import Message, Outcome, Result, State
from reference_sender.node.effects import Commit, SubmitNow

if TYPE_CHECKING:
    from loadtests.storm.process import Process
    from loadtests.storm.world import StormWorld

_COUNTED = frozenset({Outcome.RETRYABLE, Outcome.UNKNOWN})


class Violation(Struct, frozen=True):
    """An invariant that does not hold, and for which messages."""

    invariant: str
    said: str
    keys: tuple[str, ...] = ()


class StormWatch:
    """``violations`` has what was found during the storm."""

    def __init__(self, world: StormWorld) -> None:
        self._world = world
        self.violations: list[Violation] = []
        self.acknowledged_keys: set[str] = set()
        self.submitted_keys: Counter[str] = Counter()

    def acknowledged(self, keys: Sequence[str]) -> None:
        """A client has the answer that its messages are kept."""
        self.acknowledged_keys.update(keys)
        self._world.note(f"acknowledged: {' '.join(keys)}")

    def submitted(self, process: Process, submit: SubmitNow) -> None:
        """A request goes out."""
        now_ns = process.now_ns()
        for message in submit.messages:
            self.submitted_keys[message.key] += 1
            if message.expires_ns <= now_ns:
                late_s = (now_ns - message.expires_ns) / 1e9
                said = f"{message.key} was submitted {late_s:.3f} s after its expiry"
                self.violations.append(Violation("expiry", said, (message.key,)))
        if self._world.is_noting:
            keys = " ".join(message.key for message in submit.messages)
            self._world.note(f"submitted on {submit.route}: {keys}")

    def answered(
        self, process: Process, route: str, messages: Sequence[Message], results: Sequence[Result]
    ) -> None:
        """The sender learns the result of a request."""
        most = self._world.plan.max_attempts
        for message, result in zip(messages, results, strict=True):
            if result.outcome in _COUNTED:
                number = process.counted[message.key] = process.counted.get(message.key, 0) + 1
                if number > most:
                    said = f"{message.key} has {number} attempts that count; its budget is {most}"
                    self.violations.append(Violation("retry budget", said, (message.key,)))
        if self._world.is_noting:
            said = " ".join(
                f"{message.key}={result.outcome.value}({result.reason or result.provider_id or ''})"
                for message, result in zip(messages, results, strict=True)
            )
            self._world.note(f"answered by {route}: {said}")

    def committing(self, process: Process, commit: Commit) -> None:
        """A commit begins."""
        if commit.work is None:
            return
        messages = self._world.disk.messages
        if commit.work.attempts and commit.work.messages:
            messages = messages | {each.message_id: each for each in commit.work.messages}
        for attempt in commit.work.attempts:
            process.lanes.begun(attempt, messages)
        for change in commit.work.changes:
            process.ends.setdefault(change.state, set()).add(change.key)
            if change.state is not State.QUEUED and self._world.is_noting:
                self._world.note(f"commit: {change.key} is {change.state.value} {change.reason}")
