"""Which measurements are made, and how long they take."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from loadtests.calibrate import carriers, failures, latency, standard, throttle, windows
from loadtests.calibrate.instrument import Instrument
from loadtests.calibrate.judge import Measurement
from loadtests.calibrate.standard import Durations
from mock_provider.profiles import Profile, parse_profile
from mock_provider.settings.sections import Limit

GROUPS = ("latency", "throttle", "failures", "carriers", "windows")
START_S = 2.0
_EXTRA_S = 0.2  # to change the profile and to compute the expected results
_STANDARD_HORIZON_S = 2.0


class Task(Struct, frozen=True):
    """One measurement to make; ``seconds`` is its approximate duration."""

    group: str
    title: str
    seconds: float
    measure: Callable[[Instrument], Measurement]


def standard_tasks(durations: Durations) -> list[Task]:
    """The standard set, if the user gives no profile."""
    tasks = [
        _latency(name, standard.plain(reply={"latency": spec}), rate, durations.latency_s)
        for name, spec in standard.LATENCIES.items()
        for rate in standard.RATES_PER_S
    ]
    name = f"{standard.SHARED_LATENCY}, one reference for all"
    fixed = standard.plain(reply={"latency": standard.LATENCIES[standard.SHARED_LATENCY]})
    tasks.append(_latency(name, fixed, max(standard.RATES_PER_S), durations.latency_s, shared_key=True))
    tasks.append(Task("latency", "Nagle and delayed ACK", 1.5, latency.nagle))
    for rate in standard.LIMITS_PER_S:
        limit = Limit(rate_per_s=rate, burst=rate // 2)
        tasks.append(_throttle(standard.plain(), "requests", limit, durations.throttle_s))
    mix = standard.plain(reply={"errors": standard.ERRORS}, delivery={"failures": standard.FAILURES})
    tasks.append(_failures(mix, durations.failures_s))
    delayed = standard.plain(delivery={"latency": standard.CARRIER_DELAY})
    tasks.append(_carriers(delayed, durations.carriers_s, _STANDARD_HORIZON_S))
    return tasks + _window_tasks(durations.windows_s)


def profile_tasks(profile: Profile, durations: Durations) -> list[Task]:
    """The settings of this profile, each measured separately."""
    spec = profile.reply.latency
    name = spec.kind
    tasks = [_latency(name, profile, rate, durations.latency_s) for rate in standard.RATES_PER_S]
    tasks.append(Task("latency", "Nagle and delayed ACK", 1.5, latency.nagle))
    for what in ("requests", "segments"):
        limit: Limit | None = getattr(profile.throttle, what)
        if limit is not None and limit.rate_per_s * 1.5 <= throttle.MOST_PER_S:
            tasks.append(_throttle(profile, what, limit, durations.throttle_s))
    tasks.append(_failures(profile, durations.failures_s))
    tasks.append(_carriers(profile, durations.carriers_s, 2 * durations.carriers_s))
    for fault in profile.faults:
        tasks.append(_fault(profile, fault, durations.windows_s))
    return tasks + ([] if profile.faults else _window_tasks(durations.windows_s))


def planned(tasks: Sequence[Task]) -> float:
    """Their total duration in seconds, with the provider's start."""
    return START_S + sum(task.seconds + _EXTRA_S for task in tasks)


def first_profile() -> Profile:
    """The profile at the provider's start; each measurement then sets its own."""
    return parse_profile({"name": "calibrate", "carriers": [{"name": "any", "country": "*"}]})


def _latency(name: str, profile: Profile, rate: float, seconds: float, shared_key: bool = False) -> Task:
    def measure(instrument: Instrument) -> Measurement:
        return latency.measure(instrument, name, profile, rate, seconds, shared_key)

    return Task("latency", f"latency {name}, {rate:,g}/s", seconds, measure)


def _throttle(profile: Profile, what: str, limit: Limit, seconds: float) -> Task:
    def measure(instrument: Instrument) -> Measurement:
        return throttle.measure(instrument, profile, what, limit, seconds)

    return Task("throttle", f"limit of {limit.rate_per_s:,g} {what}/s", seconds, measure)


def _failures(profile: Profile, seconds: float) -> Task:
    def measure(instrument: Instrument) -> Measurement:
        return failures.measure(instrument, profile, seconds)

    return Task("failures", "refusals and failed deliveries", seconds + 0.5, measure)


def _carriers(profile: Profile, seconds: float, horizon_s: float) -> Task:
    def measure(instrument: Instrument) -> Measurement:
        return carriers.measure(instrument, profile, seconds, horizon_s)

    return Task("carriers", "carrier delay to report", seconds + horizon_s, measure)


def _fault(profile: Profile, fault: object, seconds: float) -> Task:
    def measure(instrument: Instrument) -> Measurement:
        return windows.of_fault(instrument, profile, fault, seconds)  # type: ignore[arg-type]  # a Fault

    return Task("windows", f"fault window: {getattr(fault, 'kind', '')}", seconds, measure)


def _window_tasks(seconds: float) -> list[Task]:
    def in_profile(instrument: Instrument) -> Measurement:
        return windows.of_profile(instrument, seconds)

    def by_admin(instrument: Instrument) -> Measurement:
        return windows.of_admin(instrument, seconds)

    return [
        Task("windows", "fault window of the profile", seconds, in_profile),
        Task("windows", "fault window set at run time", seconds, by_admin),
    ]
