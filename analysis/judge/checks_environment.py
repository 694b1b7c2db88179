"""Checks of the run's environment: processors, event loops, end of the run, files."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from analysis.arrays import Floats
from analysis.formatting import counted_text, seconds_text, significant
from analysis.judge.check_names import END_OF_RUN, INSTRUMENT
from analysis.judge.checks import unchecked
from analysis.judge.options import MadeBy, command_of, has_longer_wait
from analysis.measure.late_generator import CPU_NAMES, EXPLAINED_SHARE, GENERATOR_PROCESSES, OTHERS_PERCENT
from analysis.measure.percentiles import ranks
from analysis.measure.unforwarded import never_reached
from analysis.model import Accounting, Check, CheckState
from analysis.read.gauges import Gauges
from analysis.read.journeys import Journeys, Samples
from analysis.records import OPEN_BEFORE, InstrumentFailure, Manifest

MACHINE_PROCESSES = ("machine", "host", "system")
GENERATOR_CPU_PERCENT = 90.0
MACHINE_CPU_PERCENT = 95.0
LOOP_LAG_WARN_MS = 10.0
_WAIT_CUT = ("drain_timeout", "drain_ended")  # exit reasons after a complete load
# One busy second in twenty is noise.
_HIGH_PERCENTILE = 95.0


def _values(samples: Samples, until_s: float, processes: tuple[str, ...], names: tuple[str, ...]) -> Floats:
    """Samples during the load, of processes whose name begins with one of these."""
    wanted = np.array(
        [
            process.startswith(processes) and name in names
            for process, name in zip(samples.process, samples.name, strict=True)
        ],
        dtype=np.bool_,
    )
    chosen = wanted & (samples.at_s >= 0) & (samples.at_s <= until_s)
    return np.sort(samples.value[chosen])


def _high(values: Floats) -> float:
    return float(values[ranks(len(values), (_HIGH_PERCENTILE,))[0] - 1])


def generator_cpu(journeys: Journeys) -> Check:
    return _cpu(
        "generator CPU",
        _values(journeys.samples, journeys.load_end_s, GENERATOR_PROCESSES, CPU_NAMES),
        GENERATOR_CPU_PERCENT,
        "CPU use of the busiest process of the load generator, p95 of one value per second",
    )


def machine_cpu(journeys: Journeys) -> Check:
    samples, until_s = journeys.samples, journeys.load_end_s
    found = _cpu(
        "machine CPU",
        _values(samples, until_s, MACHINE_PROCESSES, CPU_NAMES),
        MACHINE_CPU_PERCENT,
        "of all cores (p95 of one value per second): above the limit, programs compete for cores",
    )
    others = _values(samples, until_s, MACHINE_PROCESSES, ("others_percent",))
    median = float(np.median(others)) if len(others) else 0.0
    if found.state != "warn" or median <= OTHERS_PERCENT:
        return found
    return msgspec.structs.replace(
        found,
        value=f"{found.value}, of which other programs used {significant(median, 2)} % (median)",
        advice="run it on a machine without other programs, or lower the rate",
    )


def _cpu(name: str, values: Floats, limit_percent: float, meaning: str) -> Check:
    if len(values) == 0:
        return unchecked(name, "no samples")
    high = _high(values)
    return Check(
        name=name,
        state="warn" if high > limit_percent else "ok",
        value=f"{significant(high)} %",
        limit=f"warn > {limit_percent:g} %",
        meaning=meaning,
        advice="run load and system on separate machines, or lower the rate",
        value_number=high,
    )


def provider_loop(journeys: Journeys, lag_limit_s: float) -> Check:
    """The mock provider is part of the instrument: delays of its event loop delay messages.

    Seconds in which it waited for a core for at least half of its delay do not make the run invalid: the
    machine was shared then, and the program that used the core caused the delay.
    """
    gauges = Gauges(journeys.samples, journeys.load_end_s)
    at_s, lag_ms = gauges.series("provider", "loop_lag_ms")
    if len(at_s) == 0:
        at_s, lag_ms = gauges.series("provider", "timer_late_ms")
    if len(at_s) == 0:
        return unchecked("provider's event loop", "no samples")
    late_ms = np.maximum(lag_ms, gauges.at("provider", "timer_late_ms", at_s))
    waited = gauges.at("provider", "loop_core_wait_ms", at_s) >= EXPLAINED_SHARE * late_ms
    own = np.sort(np.where(waited, np.minimum(late_ms, LOOP_LAG_WARN_MS), late_ms))
    all_of = _high(np.sort(late_ms))
    high, worst = _high(own), float(own[-1])
    shared = all_of > LOOP_LAG_WARN_MS >= high
    value = f"at most {significant(worst)} ms"
    if significant(high) != significant(worst):
        value = f"at most {significant(high)} ms in 95 % of the seconds, {significant(worst)} ms in the worst"
    if shared:
        value = f"at most {significant(all_of)} ms in 95 % of the seconds, by its waits for a core"
    stall_ms = 1000.0 * lag_limit_s
    invalid_ms = max(stall_ms, LOOP_LAG_WARN_MS)
    state: CheckState = "ok"
    if high > LOOP_LAG_WARN_MS:
        state = "invalid" if high > invalid_ms else "warn"
    elif worst > stall_ms or shared:
        state = "warn"  # one stall: its delays are in the figures although the system did not cause them
    return Check(
        name="provider's event loop",
        state=state,
        value=value,
        limit=f"warn {f'> {LOOP_LAG_WARN_MS:g} ms or ' if invalid_ms > LOOP_LAG_WARN_MS else ''}"
        f"a single stall > {stall_ms:g} ms, invalid > {invalid_ms:g} ms",
        meaning="event-loop delay of the mock provider, part of the instrument (p95 of one value per second)",
        advice="the mock provider was late: lower the rate, or give it a core of its own",
        value_number=high,
    )


def instrument(failures: tuple[InstrumentFailure, ...], origin_ns: int = 0) -> Check:
    """Failures of the bench itself: provider, load, or their records."""
    return Check(
        name=INSTRUMENT,
        state="invalid" if failures else "ok",
        value="; ".join(_failure_text(each, origin_ns) for each in failures) or "no failure",
        limit="invalid if a part of the bench failed",
        meaning="if the bench fails, messages can be slow or missing although the sender works correctly",
        advice="remove the cause (see the processes' logs in logs/) and run it again",
        value_number=float(len(failures)),
    )


def _failure_text(failure: InstrumentFailure, origin_ns: int) -> str:
    at = ""
    if failure.t_ns is not None and origin_ns:
        at = f" ({seconds_text((failure.t_ns - origin_ns) * 1e-9)} after the load's start)"
    elif failure.at_utc:
        at = f" (at {failure.at_utc})"
    return f"{failure.process}: {failure.what.rstrip(' .')}{at}"


def earlier_load(manifest: Manifest) -> tuple[Check, ...]:
    """Open messages of an earlier load with the same provider and sender, which can disturb this load.

    Empty if provider and sender served one load only.
    """
    found = manifest.scenario.parameters.get(OPEN_BEFORE)
    if not isinstance(found, int):
        return ()
    check = Check(
        name="earlier load",
        state="warn" if found else "ok",
        value=f"{counted_text(found)} of the previous load still open at the start",
        limit="warn > 0",
        meaning="messages of an earlier load that were still open at the provider when this load began",
        advice="wait for the end of a load before you start the next one, or use a separate run for each",
        value_number=float(found),
    )
    return (check,)


def closed_connections(journeys: Journeys) -> tuple[Check, ...]:
    """Requests that were sent again after the target closed an idle connection. Empty without any."""
    resent, closed_idle = (_count_at_end(journeys.samples, name) for name in ("resent", "closed_idle"))
    if not resent and not closed_idle:
        return ()
    check = Check(
        name="closed connections",
        state="warn" if resent else "ok",
        value=f"{counted_text(resent)} sent again, {closed_idle:,} connections closed while idle",
        limit="warn > 0 sent again",
        meaning="requests that were sent while the target closed an idle connection were sent again "
        "with the same key: a sender that ignores keys may have accepted both",
        advice="keep idle connections open longer, or announce the timeout (Keep-Alive: timeout=)",
        value_number=float(resent),
    )
    return (check,)


def _count_at_end(samples: Samples, name: str) -> int:
    """The last value of a counter of the load."""
    values = [
        value
        for process, counted, value in zip(samples.process, samples.name, samples.value, strict=True)
        if process == "load" and counted == name
    ]
    return int(max(values, default=0))


def ending(manifest: Manifest, counted: Accounting, stopped_forwarding: bool = False) -> Check:
    reason = manifest.exit_reason
    # The last messages can end after the runner's last look, while it stops the processes.
    nothing_left = reason in _WAIT_CUT and not (counted.open or counted.unaccounted or counted.to_repeat)
    # A runner finishes with open messages only if they wait for phones or cannot change a verdict.
    state: CheckState = "ok" if reason == "finished" or nothing_left else "warn"
    if reason.startswith("error"):
        state = "invalid"
    words = {
        "finished": "finished",
        "interrupted": "interrupted by the user",
        "drain_ended": "the user ended the wait for open messages",
        "drain_timeout": f"stopped after draining for {manifest.drain_timeout_s:g} s",
    }.get(reason, reason)
    still = f", {counted_text(counted.open)} still open" if counted.open else ""
    if nothing_left:
        still = ", with no message open"
    return Check(
        name=END_OF_RUN,
        state=state,
        value=words + still,
        limit="warn if it was cut short, invalid after an error",
        meaning="messages still open count with at least their age at the end",
        advice=_ending_advice(reason, counted, command_of(manifest), stopped_forwarding),
        value_number=float(counted.open),
    )


def _ending_advice(reason: str, counted: Accounting, command: MadeBy, stopped_forwarding: bool) -> str:
    """More time does not help for messages that came without their key, nor for those that the sender did not
    forward in the whole wait, unless it was submitting until the end.
    """
    if reason != "drain_timeout":
        return "run it again, and wait until it ends"
    left_out = counted.unaccounted - counted.still_held
    if left_out and left_out >= counted.open:
        return f"look for the messages in the sender: {never_reached(left_out, counted.unknown_messages)}"
    if counted.without_key and counted.without_key >= counted.open:
        return "let the sender pass the key of each message on: a longer wait changes nothing"
    if stopped_forwarding:
        return "find out why the sender stopped forwarding messages: a longer wait changes nothing"
    if not has_longer_wait(command):
        return f"lower the load, so that fewer messages are open: smsbench {command} has no longer wait"
    return "give the drain more time (--drain-timeout)"


def _files_advice(missing: Sequence[str], before_load: bool) -> str:
    """What to do about the first file that is missing."""
    if before_load:
        return "run it again and let the load begin (--ui: press Start in the page)"
    if not missing or missing[0].startswith("load.arrow"):
        return "keep the files of the run in its directory"
    if missing[0].startswith("provider.arrow"):
        return "start it with smsbench provider --journal and name that file as journal in the target file"
    return "write the sender's last states as sender.arrow (docs/run-directory.md)"


def files(manifest: Manifest, journeys: Journeys, counted: Accounting) -> Check:
    """Which files of the run directory are present. The user's own sender (kind ``http``) has no export that
    the run could save.
    """
    missing, complete = [], "complete"
    if not journeys.journal:
        missing.append("provider.arrow (deliveries are not known)")
    if not journeys.sender.present and counted.unknown_to_both and manifest.target.get("kind") == "http":
        complete = "complete; a sender of your own writes no sender.arrow"
    elif not journeys.sender.present and counted.unknown_to_both:
        unseen = counted.unknown_to_both
        count_as = "it counts" if unseen == 1 else "they count"
        missing.append(
            f"sender.arrow ({never_reached(unseen, counted.unknown_messages)}: {count_as} as open)"
        )
    state: CheckState = "warn" if missing else "ok"
    if counted.rows == 0:
        missing, state = ["load.arrow has no rows"], "invalid"
    return Check(
        name="files",
        state=state,
        value="missing: " + "; ".join(missing) if missing else complete,
        limit="load and provider rows; sender rows if messages never reached the provider",
        meaning="if a file is missing, some figures cannot be computed",
        advice=_files_advice(missing, counted.rows == 0 and manifest.exit_reason == "interrupted"),
        value_number=math.nan if counted.rows == 0 else float(len(missing)),
    )
