"""The interfaces between a process of the sender and the storm. They do not import the process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from msgspec import Struct

from loadtests.storm.purge import RemovedRules
from reference_sender.dispatch import DispatchSettings
from reference_sender.dispatch.values import AskReport, LookUp, Message, Result, RouteLimits
from reference_sender.node.effects import Commit, NodeEffect, SubmitNow, Waiter
from reference_sender.node.node import Node
from reference_sender.policy.settings import PolicySettings
from reference_sender.store.protocol import Record

P = TypeVar("P", contravariant=True)  # the process

Order = Callable[[Node, int, Waiter], Sequence[NodeEffect]]


class SenderSetup(Struct, frozen=True):
    """The settings of every process. With ``hedging_ends`` only the first one makes second messages.
    ``unstopped``: campaigns that are never paused, cancelled or limited.
    """

    settings: DispatchSettings
    hedging_ends: bool
    limits: tuple[RouteLimits, ...]
    policy: PolicySettings
    keep_ns: int  # of final messages, in passes that the storm begins
    unstopped: frozenset[str]

    def settings_of(self, number: int) -> DispatchSettings:
        """Those of this process."""
        if number == 1 or not self.hedging_ends:
            return self.settings
        return self.settings.model_copy(update={"hedge_otp_after_s": None})


class ProviderPort(Protocol[P]):
    """A provider, as a process reaches it."""

    def request(self, process: P, submit: SubmitNow) -> None:
        """Submit messages."""

    def look_up(self, process: P, lookup: LookUp) -> None:
        """Ask for a message."""

    def ask(self, process: P, asked: AskReport) -> None:
        """Ask for the state of a message."""


class ProcessWatch(Protocol[P]):
    """What a process shows for the invariants."""

    def submitted(self, process: P, submit: SubmitNow) -> None:
        """A request goes out."""

    def answered(
        self, process: P, route: str, messages: Sequence[Message], results: Sequence[Result]
    ) -> None:
        """The sender learns the result of a request."""

    def committing(self, process: P, commit: Commit) -> None:
        """A commit begins."""

    def counted(self, process: P, message: Message) -> None:
        """A message was stored that counts for the limit of its number."""

    def purged(self, process: P, gone: Sequence[Record]) -> None:
        """Messages were removed from the store."""

    def rules_purged(self, process: P, gone: RemovedRules) -> None:
        """Controls and costs of campaigns were removed from the store."""

    def check_controls(self, process: P) -> None:
        """A commit has ended, or the process has forgotten campaigns."""

    def duplicate(self, message: Message, holder: int) -> None:
        """A message was refused since the one with the id ``holder`` has its campaign, number and text."""

    def hedged(self, process: P, message: Message) -> None:
        """A second message was made."""

    def check_schedules(self, process: P, overdue_ns: int) -> None:
        """The process is not behind: no message may be held for longer than this after its time."""


class Stopping(Protocol):
    """A process that stops."""

    alive: bool

    def end_when_stored(self, waiter: StoredAtEnd) -> None:
        """Tell ``waiter`` when everything so far is on disk."""

    def end(self) -> None:
        """The process ends, with everything on disk."""


class StoredAtEnd:
    """Waits for the last two commits of a process that stops, as ``Driver.close`` does."""

    def __init__(self, process: Stopping, ended: Callable[[], None]) -> None:
        self._process = process
        self._ended = ended
        self._left = 2

    def end(self, _: bool) -> None:
        """Everything before it is on disk."""
        if not self._process.alive:
            return
        self._left -= 1
        if self._left:
            self._process.end_when_stored(self)
        else:
            self._process.end()
            self._ended()


class NoWaiter:
    """A second message has no client that waits."""

    def end(self, _: bool) -> None:
        """Nothing follows from it."""


NO_WAITER = NoWaiter()
