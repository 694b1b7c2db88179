"""The measurements that decide a part's objectives, and one figure that is compared with a limit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from analysis.findings import Availability
from analysis.judge.options import MadeBy
from analysis.measure.percentiles import Ages
from analysis.model import Accounting, Cost, Distribution
from analysis.quantile import Quantile


@dataclass(frozen=True)
class OutcomeCounts:
    """The outcomes of one class's messages."""

    accepted: int
    delivered: int
    open: int
    for_phones: int = 0  # open, with a phone that is off or out of coverage
    unforwarded: int = 0  # open, and the sender did not forward them in the whole wait after the load
    without_key: int = 0  # accepted, and probably at the provider with a key that the load did not send
    due: int = 0  # accepted or not
    refused: int = 0
    unpriced: int = 0  # open, and not accepted by the provider: what they cost is not known
    highest_price: float = 0.0  # the most that was paid for one message
    evidence: float = 1.0  # the share of the accepted messages whose outcomes count as independent
    cost_width: float = 0.0  # half of the 95 % interval of the cost of a delivered message, as a share of it


@dataclass(frozen=True)
class ObjectiveInputs:
    """The measurements that decide a part's objectives."""

    delivery: tuple[Distribution, ...]
    api: tuple[Distribution, ...]
    delivery_ages: Callable[[str], Ages]  # of a class
    api_ages: Callable[[], Ages]
    outcomes: dict[str, OutcomeCounts]  # of each class of the load, and of all
    accounting: Accounting
    availability: Availability | None
    cost: Cost
    backlog_grew: Callable[[str], bool]  # of a class: without bound, and not fallen at the end of the load
    load_s: float
    journal: bool
    sender_rows: bool
    waited_out: bool  # the wait after the load was not ended before its limit
    repeats_awaited: bool  # it was long enough for a repeat of each message that the provider refused
    no_real_times: str  # why the delivery times of this run are not real times; "" if they are
    simulated: bool = False  # in virtual time: requests to the sender's API take no time
    command: MadeBy = "run"  # that made the run
    cut_short: bool = False  # by the user, in the load or in the wait after it
    whole_day: bool = False  # the load has every hour of a day
    accepts_to_the_end: bool = True  # the sender accepted messages until the end of the load

    def per_s(self, count: int) -> float:
        """The rate of ``count`` messages in the load; 0 if more of this load has no more of them."""
        return count / self.load_s if self.load_s > 0 else 0.0


@dataclass(frozen=True)
class Finding:
    """One figure of an objective: its value, the ends of its interval, and its texts."""

    value: float | None
    low: float | None
    high: float | None
    why: str
    needs: str = ""  # shown if the objective is undecided
    measured: str = ""
    interval: str = ""
    quantile: Quantile | None = None
    count: int = 0
    decides: bool = True
