"""The bench itself: the load generator and the mock provider."""

from __future__ import annotations

import numpy as np

from analysis.arrays import Bools
from analysis.findings import BottleneckKind
from analysis.formatting import count_text, seconds_text, significant
from analysis.judge.bottlenecks.kind import Description, Kind, KindFinding, over, strength, typical
from analysis.judge.bottlenecks.symptoms import mock_late_s
from analysis.judge.bottlenecks.view import View

CORE_PERCENT = 90.0
LATE_S = 0.010


def generator(view: View) -> KindFinding:
    lag_s = view.own_lag_p99_s
    used, _ = view.gauges.busiest("cpu_percent", "load")
    planned = view.windows.counts(view.due_s, view.everyone)
    drops = view.windows.counts(view.due_s, view.dropped_by_bench) > 0.001 * planned
    late = over(lag_s, view.given.lag_limit_s)
    full = over(used, CORE_PERCENT) & over(lag_s, LATE_S)

    def describe(windows: Bools) -> Description:
        evidence = [f"it sent late: p99 {seconds_text(typical(lag_s, windows))}"]
        if not np.isnan(typical(used, windows)):
            evidence.append(f"its process used {significant(typical(used, windows), 2)} % of a core")
        dropped = int(np.count_nonzero(view.dropped_by_bench))
        if dropped:
            evidence.append(f"it dropped {count_text(dropped)} arrivals while it was late")
        return Description("the load generator was late: these figures describe the bench", tuple(evidence))

    return KindFinding(strength(late | drops | full), describe)


def mock(view: View) -> KindFinding:
    late_s = mock_late_s(view)
    used, _ = view.gauges.busiest("cpu_percent", "provider")
    full = over(used, CORE_PERCENT) & over(late_s, LATE_S)

    def describe(windows: Bools) -> Description:
        evidence = [
            f"it was at least {seconds_text(typical(late_s, windows))} late in a quarter of the seconds"
        ]
        if not np.isnan(typical(used, windows)):
            evidence.append(f"its process used {significant(typical(used, windows), 2)} % of a core")
        return Description("the mock provider was late: these figures describe the bench", tuple(evidence))

    return KindFinding(strength(over(late_s, view.given.lag_limit_s) | full), describe)


GENERATOR = Kind("generator", generator, frozenset(("sender_api", "sender_refuses")))
_AFTER_MOCK_PROVIDER: tuple[BottleneckKind, ...] = (
    *("sender_concurrency", "sender_pacing", "sender_rate", "sender_api", "sender_refuses", "sender_hold"),
    *("carrier_queue", "network", "provider_limit"),
)
MOCK = Kind("mock", mock, frozenset(_AFTER_MOCK_PROVIDER))
