"""bench: days, their peaks, a burst and campaigns, then the capacity of this machine (docs/bench.md)."""

from loadtests.locustfile import locustfile
from loadtests.parts import (
    LEVELS,
    TEN_TIMES,
    burst,
    campaigns,
    peak,
    simulated,
    whole_day,
    with_faults,
    with_simulated,
)
from loadtests.scenario import Capacity, Part, Scenario


def _parts() -> tuple[Part, ...]:
    # 1,066 messages, about 160 of them one-time passwords: if two are slow by chance, the upper end of the
    # interval of the 95th percentile is still below the limit.
    peak_500k, peak_500k_simulated = with_simulated(peak("day-500k", LEVELS["day-500k"], 85.0, 20.0))
    ten_times, ten_times_simulated = with_simulated(peak(*TEN_TIMES, 24.0, 20.0))
    # More than the provider accepts (500 segments per second), so that a backlog builds and drains.
    one_burst, burst_simulated = with_simulated(burst("burst", 6_000, 10.0, 5.0, 8.0, 20.0))
    fifo = simulated(
        one_burst,
        slug="burst-fifo",
        counterpart=burst_simulated.slug,
        fifo=True,
    )
    return (
        *(whole_day(name, messages_per_day) for name, messages_per_day in LEVELS.items()),
        *(peak_500k, peak_500k_simulated),
        *(ten_times, ten_times_simulated),
        *(one_burst, burst_simulated, fifo),
        campaigns(burst_simulated, 4),
        with_faults("faults", LEVELS["day-500k"], "smsapi-faults", 1_800.0),
    )


SCENARIO = Scenario(
    name="bench",
    title="days of 5k to 500k, 500k and 5 million a day at their peak, a burst, campaigns, faults, capacity",
    parts=_parts(),
    # Coarse, with few trials: two cores sustain about 6,000/s. The throughput of a missed rate leads to the
    # next. No sender in one process reaches the highest rate, so the search ends at a limit that is named.
    capacity=Capacity(
        profile="fast",
        from_per_s=5_000.0,
        to_per_s=50_000.0,
        precision=0.25,
        most_trials=3,
        trial_s=8.0,
        takes_s=65.0,
    ),
    takes="about 5 minutes",  # with starts, drains and the report; README.md and Makefile say the same
)
User, Shape = locustfile(SCENARIO, __name__)
