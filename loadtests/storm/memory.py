"""Whether the tables of sender and providers stay within what open messages need, at steps of a storm."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import cache

from loadtests.storm.process import StormProcess
from loadtests.storm.process_interfaces import SenderSetup
from loadtests.storm.state import StormState
from loadtests.storm.storm_provider import StormProvider
from loadtests.storm.tables import Tables
from loadtests.storm.watch import StormWatch
from reference_sender.dispatch.values import FINAL_STATES

_STALE = 64  # entries that a heap may have in addition, of messages that have left it
_KINDS = 64  # of outcomes, refusals, reasons, countries, carriers, and edges of windows
_CAMPAIGN_DAYS = 8  # of a storm: also of messages that the store refused
_CLAIMED = 20_000  # ids that lookups must not take: ``dispatch/lookups.py`` keeps the newest
_BETWEEN_LOOKUPS_S = 60.0  # of a message: at the next one its end is seen
_REPORTS_PER_CALL = 5  # that are about no message in memory
_EVENTS_PER_MESSAGE = 6  # that a provider has arranged, such as its delivery and its reports


class Growth(Enum):
    """With what a table may grow. Its value: the ends of the names of such tables."""

    RULES = (
        *(
            "gate.campaigns",
            "gate.stopped",
            "opt_outs.numbers",
            "campaigns._campaigns",
            "campaigns._continued",
        ),
        *("spending.spent", "spending._by_day", "spending._own", "spending._others", "spending._moved"),
        "spending._days",
        *("wall._steps_ns", "wall._before_ns", "wall._least"),
    )
    HEAP = (
        "._queue",
        "._flows",
        "._groups",
        "_expiry._heap",
        "_held._heap",
        "_backlog._retries",
        ".due",
        "_to_fit._lowest",
    )
    # Lookups compare a message with others after its end, and the entries of a timer go when it is due.
    ATTEMPTED = (
        *("_lookups._unanswered", "_lookups._forget", "_lookups._due", "_lookups._since_ns"),
        "_hedging._due",
    )
    # While a process reads the messages of an earlier one, those that end meanwhile stay listed.
    TO_FIT = ("_to_fit._ids",)
    CALL = ("unmatched.reports", "unmatched.firsts")  # of reports
    ENDED = ("past.index.by_key", "past.index._key_of")  # for late reports
    CLAIMED = ("_lookups._claimed",)
    KINDS = (
        *("figures.reasons", "_choice._carriers", "._minutes", "_hours._last"),
        *(
            "._carriers",
            "_held_until",
            "_pipeline._holding",
            "_fault_history._present",
            "_fault_history._removed",
        ),
        *("_counters.ended", "_counters.refused", "_counters.messages_refused"),
    )
    # Of a provider: it refuses repeats of what it has accepted, answers status queries, and counts requests
    # without a valid number by their key.
    REMEMBERED = tuple(f"_message_store.{table}" for table in ("_newest", "_order", "by_id", "_unrecorded"))
    # Of a provider, with their instants: its next request forgets those outside the window of its limit.
    NUMBERS = ("_flood._newer", "_flood._older")
    EVENTS = (
        "_reporting._batches",
        "_event_queue._added",
        "_event_queue._later",
        "_event_queue._slices",
        "_event_queue._present",
    )
    OPEN = ("",)


@cache
def growth_of(table: str) -> Growth:
    """With what the table of this name may grow."""
    return next(each for each in Growth if table.endswith(each.value))


class MemoryWatch:
    """``check`` compares all tables with their bounds. A violation is recorded once for each table."""

    def __init__(
        self,
        state: StormState,
        watch: StormWatch,
        providers: Mapping[str, StormProvider],
        setup: SenderSetup,
    ) -> None:
        self._state = state
        window_s = max(each.lookup_window_s for each in setup.limits)
        self._window_ns = int((window_s + _BETWEEN_LOOKUPS_S) * 1e9)
        self._watch = watch
        self._providers = providers
        self._late_reports = setup.settings.late_reports
        self._found: set[str] = set()

    def check(self, process: StormProcess | None) -> None:
        """Check now. ``process`` is the one that runs and is not paused."""
        if process is not None:
            self._compare("", process.tables, self._bounds(process))
        for name, provider in self._providers.items():
            provider.keep_rows()
            most = 2 * (provider.engine.open_messages + provider.unanswered)
            bounds = {
                Growth.REMEMBERED: provider.seen,
                Growth.NUMBERS: 2 * provider.seen,
                Growth.EVENTS: _EVENTS_PER_MESSAGE * most + _KINDS,
                Growth.KINDS: _KINDS,
                Growth.OPEN: most,
            }
            self._compare(f"{name}: ", provider.tables, bounds)

    def _compare(self, owner: str, tables: Tables | None, bounds: Mapping[Growth, int]) -> None:
        assert tables is not None, "memory is watched"
        for table, entries, at_first in tables.grown():
            most = at_first + bounds[growth_of(table)]
            name = owner + table
            if entries > most and name not in self._found:
                self._found.add(name)
                text = f"{name} has {entries} entries, and messages that are open need {most} at most"
                self._watch.violated("memory", text)

    def _bounds(self, process: StormProcess) -> Mapping[Growth, int]:
        """Open are messages that are not final in the store or are on their way to it, requests without an
        answer, and calls that wait. A table of tables has its own entries and theirs.
        """
        disk, node = self._state.disk, process.node
        final = sum(change.state in FINAL_STATES for change in disk.progress.values())
        most = (
            len(disk.messages) - final + node.waiting + node.unanswered + len(disk.attempts) + process.calls
        )
        # The window of an attempt begins at the start of a process if the wall clock was set back before.
        since_ns = self._state.now_ns - self._window_ns - int(self._state.wall_back_s * 1e9)
        attempted = sum(at_ns >= since_ns for at_ns in self._watch.attempted_ns.values())
        rules = len(disk.campaigns) + len(disk.spent) + len(disk.opt_outs) + self._state.wall_steps
        rules += self._watch.controls.removed  # the process forgets them some time later
        return {
            Growth.OPEN: 2 * most,
            Growth.TO_FIT: 2 * most + (0 if node.gate.may_fit else final),
            Growth.HEAP: 3 * most + _STALE,
            Growth.RULES: 2 * (rules + most) + _CAMPAIGN_DAYS,
            Growth.ATTEMPTED: 2 * (attempted + most),
            Growth.CALL: _REPORTS_PER_CALL,
            Growth.ENDED: self._late_reports,
            Growth.CLAIMED: _CLAIMED,
            Growth.KINDS: _KINDS,
        }
