"""Where a fault can act: one class for each point on the way of a request, a message or a report.

A fault kind (``kinds``) returns an object of one of these classes. The engine asks the objects that are
active at that point (``windows.ActiveFaults``) and notes in the journal which of them touched a message. A
method returns None if the fault does not act on its argument.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from mock_provider.engine.draws import Draws
    from mock_provider.engine.outcome import FinalOutcome
    from mock_provider.engine.throttle import BucketLimit
    from mock_provider.engine.values import Answer
    from mock_provider.settings.values import Refusal


FaultEffect = Literal[
    "outage",  # every request fails
    "outage_of_a_host",  # every request to one of the two hosts fails
    "lowered_limit",
    "held_messages",  # accepted messages wait for the fault's end
    "reports",
    "other",
]


@dataclass(frozen=True, slots=True)
class ActingFault(ABC):
    """``name`` is the fault's name in the journal, and part of the seed of its draws.

    Where several faults act at one point, a lower ``order`` acts first; faults of equal order act in the
    order of the profile. ``has_edges``: the engine must act when such a fault begins and ends.
    ``effect`` is what the analysis of a run needs to know of the fault.
    """

    name: str

    order: ClassVar[int] = 0
    has_edges: ClassVar[bool] = False

    @property
    def effect(self) -> FaultEffect:
        return "other"


class RequestInterruption(Struct, frozen=True, gc=False):
    """What a request gets in place of its reply: a refusal, a reset connection, or no answer at all."""

    refusal: Refusal | None = None
    disconnect: bool = False

    @property
    def hang(self) -> bool:
        """The request is never answered."""
        return self.refusal is None and not self.disconnect


class AtRequest(ActingFault):
    """Any request that reaches a host, whether it submits messages or not."""

    __slots__ = ()

    @property
    def effect(self) -> FaultEffect:
        return "outage"

    @abstractmethod
    def interrupt(self, backup_host: bool) -> RequestInterruption | None: ...


class AtSubmit(ActingFault):
    """One attempt to submit, before it is examined. ``attempt`` counts the submits of ``key`` from 1."""

    __slots__ = ()

    @abstractmethod
    def interrupt(self, draws: Draws, key: str, attempt: int) -> RequestInterruption | None: ...


@dataclass(frozen=True, slots=True)
class AtLimit(ActingFault):
    """A rate limit of the profile. ``limit`` is its name in ``throttle``: ``requests`` or ``segments``."""

    limit: str

    has_edges: ClassVar[bool] = True

    @property
    def effect(self) -> FaultEffect:
        return "lowered_limit"

    @abstractmethod
    def lowered(self, usual: BucketLimit | None) -> BucketLimit | None:
        """The limit in the window. ``usual`` None: the profile has no such limit."""


@dataclass(frozen=True, slots=True)
class AtAdmission(ActingFault):
    """One recipient of a submit. If the fault acts on it, it is refused with the reason ``refusal``."""

    refusal: Refusal

    has_edges: ClassVar[bool] = True

    @abstractmethod
    def meets(self, country: str, carrier: str) -> bool: ...


class ReplyPlan(Struct, frozen=True, gc=False):
    """The reply as it will be sent. ``answer`` None: no reply is sent; ``disconnect``: the connection is
    reset.
    """

    answer: Answer | None
    latency_ns: int
    disconnect: bool = False


class AtReply(ActingFault):
    """The reply to one attempt, after the decision. The messages that it accepts continue in any case."""

    __slots__ = ()

    @abstractmethod
    def change(
        self, plan: ReplyPlan, draws: Draws, key: str, attempt: int, at_ns: int
    ) -> ReplyPlan | None: ...


class AtAccept(ActingFault):
    """One accepted message. ``ordinal`` counts the acceptances of ``key`` from 1."""

    __slots__ = ()

    @abstractmethod
    def loses(self, draws: Draws, key: str, ordinal: int) -> bool:
        """Whether the provider loses the message after its reply."""


@dataclass(frozen=True, slots=True)
class AtQueue(ActingFault):
    """Messages that wait for these carriers, or go to these countries: they wait for the window's end."""

    carriers: frozenset[str]
    countries: frozenset[str]

    has_edges: ClassVar[bool] = True

    @property
    def effect(self) -> FaultEffect:
        return "held_messages"


class AirTime(Struct, frozen=True, gc=False):
    """The time on the radio, the wait for a phone that is off, and the outcome at the end of both.

    ``is_final``: faults of a higher order do not change it.
    """

    radio_ns: int
    wait_ns: int
    outcome: FinalOutcome
    is_final: bool = False


class AtCarrier(ActingFault):
    """One message that leaves the queue of its carrier."""

    __slots__ = ()

    @abstractmethod
    def change(self, air: AirTime, country: str, carrier: str, at_ns: int) -> AirTime | None: ...


class ReportChange(Struct, frozen=True, gc=False):
    """``lost``: no report is sent. ``copy_after_ns``: a second one follows the first after this time."""

    lost: bool = False
    delay_ns: int = 0
    copy_after_ns: int | None = None


class AtReport(ActingFault):
    """The delivery report of one message that ends in the window. ``ordinal`` as for ``AtAccept``."""

    __slots__ = ()

    @property
    def effect(self) -> FaultEffect:
        return "reports"

    @abstractmethod
    def change(self, draws: Draws, key: str, ordinal: int) -> ReportChange | None: ...


@dataclass(frozen=True, slots=True)
class AtReportDue(ActingFault):
    """Delivery reports, and repeated report calls, that come due in the window: they wait for its end.

    ``unit_ns`` is the time between two reports after the end. 0: they leave at once.
    """

    unit_ns: int

    has_edges: ClassVar[bool] = True

    @property
    def effect(self) -> FaultEffect:
        return "reports"
