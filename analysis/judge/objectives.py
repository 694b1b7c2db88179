"""The objectives of one part, each judged by the interval of what it limits."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from analysis.findings import Availability
from analysis.formatting import count_text, share_of_one_text, times_text
from analysis.judge.evidence import messages_needed, more_needed, wait_longer
from analysis.judge.losses import LIST_KEYS, PASS_THE_KEY, keyless, losses
from analysis.judge.verdict import judge
from analysis.measure.binomial import clopper_pearson
from analysis.measure.percentiles import CONFIDENCE, Ages, needed
from analysis.model import Accounting, Cost, Distribution, Objective, Verdict
from analysis.objectives.defaults import CLASS_DEFAULTS, DEFAULT_OBJECTIVES
from analysis.objectives.grammar import ALL, Spec
from analysis.objectives.words import interval_text, limit_of, name_of, quantile_text, value_text
from analysis.quantile import Quantile

NO_GROWTH = "a rate at which the backlog does not grow"


@dataclass(frozen=True)
class OutcomeCounts:
    """The outcomes of one class's accepted messages."""

    accepted: int
    delivered: int
    open: int
    unforwarded: int = 0  # open, and the sender did not forward them in the whole wait after the load


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
    backlog_grew: bool  # without bound until the end of the load
    load_s: float
    journal: bool
    sender_rows: bool
    waited_out: bool  # the wait after the load was not ended before its limit
    repeats_awaited: bool  # it was long enough for a repeat of each message that the provider refused
    no_real_times: str  # why the delivery times of this run are not real times; "" if they are
    simulated: bool = False  # in virtual time: requests to the sender's API take no time


@dataclass(frozen=True)
class _Finding:
    """One figure: its value, the ends of its interval, and its texts."""

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


def judge_all(specs: tuple[Spec, ...], facts: ObjectiveInputs) -> tuple[Objective, ...]:
    """One for each objective except those that the part cannot test: those for classes that the load does not
    have, and those for the API in virtual time.
    """
    return tuple(_judged(spec, _found(spec, facts)) for spec in specs if _tests(spec, facts))


def _found(spec: Spec, facts: ObjectiveInputs) -> _Finding:
    """A message whose key was lost may have arrived, so that neither a wait nor more messages decide."""
    found = _FINDERS[spec.measure](spec, facts)
    unknown = facts.accounting.without_key and spec.measure in ("delivery_time", "delivered", "cost_per_1000")
    return replace(found, needs=PASS_THE_KEY) if unknown else found


def _tests(spec: Spec, facts: ObjectiveInputs) -> bool:
    if spec.measure == "api_response":
        return not facts.simulated
    return spec.message_class == ALL or spec.message_class in facts.outcomes


def not_in_any(specs: tuple[Spec, ...], judged: tuple[Objective, ...]) -> tuple[Objective, ...]:
    """Objectives that no part could test: undecided. If all classes have their default, nobody asked for one
    of them, and a load may lack it: then a default is left out.
    """
    known, asked = {each.objective for each in judged}, {spec.text for spec in specs}
    unasked = set(DEFAULT_OBJECTIVES) if asked.issuperset(CLASS_DEFAULTS) else set()
    return tuple(
        _judged(spec, _not_tested(spec))
        for spec in specs
        if spec.text not in known and spec.text not in unasked
    )


def _not_tested(spec: Spec) -> _Finding:
    if spec.measure == "api_response":
        why = "requests to the sender's API take no time in virtual time"
        return _Finding(None, None, None, why, needs="a live run: smsbench run")
    why = "the load has no message of this class"
    return _Finding(None, None, None, why, needs=f"messages of class {spec.message_class}")


def _judged(spec: Spec, found: _Finding) -> Objective:
    verdict: Verdict = "undecided"
    if found.low is not None or found.high is not None:
        verdict = judge(spec.relation, found.low, found.high, spec.limit)
    measured = found.measured or ("unknown" if found.value is None else value_text(spec, found.value))
    return Objective(
        objective=spec.text,
        measure=spec.measure,
        name=name_of(spec),
        message_class=spec.message_class,
        limit=limit_of(spec),
        measured=measured,
        interval=found.interval,
        verdict=verdict,
        why=found.why,
        needs=found.needs if verdict == "undecided" else "",
        value=found.value,
        low=found.low,
        high=found.high,
        limit_value=spec.limit,
        limit_s=spec.limit if spec.measure == "delivery_time" else None,
        percentile=spec.percentile,
        quantile=found.quantile,
        count=found.count,
        decides=found.decides,
    )


def _delivery_time(spec: Spec, facts: ObjectiveInputs) -> _Finding:
    alone = spec.message_class == ALL and len(facts.delivery) == 1  # all of them are of this class
    distribution = next(
        (each for each in facts.delivery if alone or each.message_class == spec.message_class), None
    )
    if distribution is None:
        needs = "accepted messages of this class to reachable phones"
        return _Finding(None, None, None, "no such message was accepted", needs=needs)
    if facts.no_real_times:
        needs = "a run at the provider's own speed" if facts.journal else "the provider's rows"
        quantile = _quantile_of(distribution, spec)
        return _Finding(
            *(quantile.value_s, None, None, facts.no_real_times, needs, quantile_text(quantile)),
            quantile=quantile,
            count=distribution.count,
            decides=not facts.journal,
        )
    counts = facts.outcomes.get(spec.message_class)
    unforwarded = counts.unforwarded if counts else 0
    found = _percentile(
        spec, distribution, lambda: facts.delivery_ages(spec.message_class), facts.load_s, unforwarded
    )
    verdict = judge(spec.relation, found.low, found.high, spec.limit)
    if facts.backlog_grew and verdict == "undecided" and not unforwarded:
        # The percentile describes a backlog that grows with the load, so more of this load settles nothing.
        return replace(found, needs=NO_GROWTH)
    if facts.backlog_grew and verdict == "met":
        # Each later message waits longer, so a longer load at this rate can miss the limit.
        why = f"{found.why}; within the limit so far, but the backlog grew until the end of the load"
        return replace(found, high=math.inf, why=why, needs=NO_GROWTH)
    return found


def _api_response(spec: Spec, facts: ObjectiveInputs) -> _Finding:
    distribution = next((each for each in facts.api if each.measure == "api_response"), None)
    if distribution is None:
        return _Finding(None, None, None, "no request was sent", needs="requests to the sender")
    return _percentile(spec, distribution, facts.api_ages, facts.load_s)


def _quantile_of(distribution: Distribution, spec: Spec) -> Quantile:
    for quantile in distribution.quantiles:
        if quantile.percentile == spec.percentile:
            return quantile
    raise LookupError(f"p{spec.percentile:g} of {distribution.message_class} was not computed")


def _percentile(
    spec: Spec, distribution: Distribution, ages: Callable[[], Ages], load_s: float, unforwarded: int = 0
) -> _Finding:
    quantile = _quantile_of(distribution, spec)
    undecided = judge(spec.relation, quantile.low_s, quantile.high_s, spec.limit) == "undecided"
    interval = interval_text(quantile, spec.limit)
    return _Finding(
        value=quantile.value_s,
        low=quantile.low_s,
        high=quantile.high_s,
        why=_percentile_why(distribution, quantile, spec, undecided, interval),
        needs=_percentile_needs(spec, distribution, ages(), load_s, unforwarded) if undecided else "",
        measured=quantile_text(quantile, spec.limit),
        interval="" if quantile.state == "withheld" else interval,
        quantile=quantile,
        count=distribution.count,
    )


def _percentile_why(
    distribution: Distribution, quantile: Quantile, spec: Spec, undecided: bool, interval: str
) -> str:
    counted = times_text(distribution.count)
    if quantile.state == "withheld":
        if not undecided:
            return f"only {counted}, but enough of them were late for a certain verdict"
        within = distribution.max_s is not None and distribution.max_s <= spec.limit
        settled = not distribution.open_count and not distribution.never_count
        few = f"the 95 % interval needs {count_text(quantile.needed)}"
        return f"{counted}, all within the limit; {few}" if within and settled else f"{counted}; {few}"
    words = f"95 % interval {interval} of {counted}"
    if distribution.open_count and not math.isfinite(quantile.high_s or 0.0):
        words += f", {count_text(distribution.open_count)} still open"
    return words


def _percentile_needs(
    spec: Spec, distribution: Distribution, ages: Ages, load_s: float, unforwarded: int
) -> str:
    """The true share within the limit is between two bounds: open messages arrive now, or never."""
    asked = (spec.percentile or 0.0) / 100.0
    count = ages.count
    if count == 0:
        return more_needed(0, needed(spec.percentile or 0.0), spec.message_class, 0.0)
    most = float(np.searchsorted(ages.low_s, spec.limit, side="right")) / count
    least = float(np.searchsorted(ages.high_s, spec.limit, side="right")) / count
    fewest = needed(spec.percentile or 0.0)
    if distribution.open_count and least <= asked <= most and count >= fewest:
        return wait_longer(distribution.open_count, unforwarded)
    known = max(distribution.count - distribution.open_count - distribution.never_count, 1)
    evidence = min(max(distribution.effective_count / known, 1.0 / known), 1.0)
    seen = least if least > asked else most
    fewest = needed(spec.percentile or 0.0, evidence)
    estimate = messages_needed(seen, asked, evidence)
    per_s = count / load_s if load_s > 0 else 0.0
    return more_needed(count, estimate, spec.message_class, per_s, fewest)


def _counted(spec: Spec, facts: ObjectiveInputs) -> _Finding:
    """Lost, duplicated and unaccounted messages.

    All were counted, so both ends of the interval are equal, except for the cases in ``judge.losses``.
    """
    accounting = facts.accounting
    accepted = f"of {count_text(accounting.accepted)} accepted"
    if not accounting.accepted:
        return _Finding(None, None, None, "no message was accepted", needs="accepted messages")
    if spec.measure == "duplicates":
        if not facts.journal:
            return _Finding(None, None, None, "the provider's rows are missing", needs="the provider's rows")
        why = f"{accepted}; a duplicate was accepted by the provider more than once"
        return _exact(accounting.duplicates, _with_list(why, accounting.duplicates), accounting)
    if spec.measure == "unaccounted":
        if not facts.journal:
            return _Finding(None, None, None, "the provider's rows are missing", needs="the provider's rows")
        why = f"{accepted}; an unaccounted message was never seen by the provider"
        if accounting.unaccounted and not facts.sender_rows and not facts.waited_out:
            count, few = accounting.unaccounted, times_text(accounting.unaccounted)
            why = f"{accepted}; the wait for {few} ended early, and the sender may still have them"
            needs = "a wait after the load until they arrive (--drain-timeout)"
            return replace(_between(0, count, why, needs, accounting), value=float(count))
        if accounting.without_key:
            most = accounting.unaccounted + accounting.without_key
            return _between(accounting.unaccounted, most, keyless(accounting), PASS_THE_KEY, accounting)
        return _exact(accounting.unaccounted, _with_list(why, accounting.unaccounted), accounting)
    found = losses(accounting, facts.sender_rows, facts.repeats_awaited)
    if found.low == found.high:
        return _exact(found.low, _with_list(found.why, found.low), accounting)
    return _between(found.low, found.high, found.why, found.needs, accounting)


def _with_list(why: str, count: int) -> str:
    return f"{why}; {LIST_KEYS}" if count else why


def _exact(found: int, why: str, accounting: Accounting) -> _Finding:
    return _between(found, found, why, "", accounting)


def _between(low: int, high: int, why: str, needs: str, accounting: Accounting) -> _Finding:
    return _Finding(float(low), low, high, why, needs, count=accounting.accepted)


def _not_taken(spec: Spec, facts: ObjectiveInputs) -> _Finding:
    """A count over the whole load, without an interval: the outcome of each due message is known."""
    accounting = facts.accounting
    if not accounting.planned:
        return _Finding(None, None, None, "no message came due", needs="a load")
    left = accounting.refused + accounting.failed_at_api + accounting.dropped
    parts = (
        (accounting.refused, "refused"),
        (accounting.failed_at_api, "failed"),
        (accounting.dropped, "without a free request slot"),
        (accounting.unfinished, "unanswered at the end"),
    )
    listed = ", ".join(f"{count_text(count)} {word}" for count, word in parts if count) or "none"
    return _Finding(
        value=left / accounting.planned,
        low=left / accounting.planned,
        high=(left + accounting.unfinished) / accounting.planned,
        why=f"{listed}, of {count_text(accounting.planned)} that came due",
        needs="an answer to every request (wait longer for the last answers)",
        count=accounting.planned,
    )


def _delivered(spec: Spec, facts: ObjectiveInputs) -> _Finding:
    """A share with an interval: phones and networks are a random sample."""
    found = facts.outcomes.get(spec.message_class)
    if found is None or not found.accepted:
        return _Finding(None, None, None, "no such message was accepted", needs="accepted messages")
    low, _ = clopper_pearson(found.delivered, found.accepted, CONFIDENCE)
    _, high = clopper_pearson(found.delivered + found.open, found.accepted, CONFIDENCE)
    share, most = found.delivered / found.accepted, (found.delivered + found.open) / found.accepted
    interval = f"{share_of_one_text(low)} to {share_of_one_text(high)}"
    if found.open and share <= spec.limit <= most:
        needs = wait_longer(found.open, found.unforwarded)
    else:
        wanted = messages_needed(share if share > spec.limit else most, spec.limit)
        per_s = found.accepted / facts.load_s if facts.load_s > 0 else 0.0
        needs = more_needed(found.accepted, wanted, spec.message_class, per_s)
    still = f", {count_text(found.open)} still open" if found.open else ""
    return _Finding(
        value=share,
        low=low,
        high=high,
        why=f"{count_text(found.delivered)} of {count_text(found.accepted)} accepted{still}; "
        f"95 % interval {interval}",
        needs=needs,
        interval=interval,
        count=found.accepted,
    )


def _availability(spec: Spec, facts: ObjectiveInputs) -> _Finding:
    found = facts.availability
    if found is None or not facts.accounting.planned:
        return _Finding(None, None, None, "no message came due", needs="a load")
    share = found.available / found.windows
    most = (found.available + found.unknown) / found.windows
    why = f"{count_text(found.available)} of {count_text(found.windows)} windows of {found.window_s:g} s"
    why = f"{why}; {found.why}" if found.why else why
    if found.unknown:
        interval = f"{value_text(spec, share)} to {value_text(spec, most)}"
        needs = f"a load of at least {count_text(math.ceil(found.load_needed_s))} s"
        if ALL in facts.outcomes and facts.outcomes[ALL].unforwarded:
            needs = wait_longer(0, facts.outcomes[ALL].unforwarded)
        return _Finding(
            None,
            share,
            most,
            why,
            needs,
            measured=interval,
            interval=interval,
            count=facts.accounting.planned,
        )
    return _Finding(share, share, share, why, count=facts.accounting.planned)


def _cost_per_1000(spec: Spec, facts: ObjectiveInputs) -> _Finding:
    every = facts.outcomes.get(ALL)
    if every is None or not every.delivered or not facts.cost.points:
        why = "the provider's rows carry no price" if every and every.delivered else "nothing was delivered"
        return _Finding(None, None, None, why, needs="delivered messages with a price")
    high = 1000.0 * facts.cost.points / every.delivered
    low = 1000.0 * facts.cost.points / (every.delivered + every.open)
    still = f", {count_text(every.open)} still open" if every.open else ""
    return _Finding(
        value=high,
        low=low,
        high=high,
        why=f"{count_text(every.delivered)} delivered{still}",
        needs=wait_longer(every.open, every.unforwarded) if every.open else "",
        measured=f"{value_text(spec, high)} {facts.cost.currency}".rstrip(),
        count=every.accepted,
    )


_FINDERS: dict[str, Callable[[Spec, ObjectiveInputs], _Finding]] = {
    "delivery_time": _delivery_time,
    "api_response": _api_response,
    "loss": _counted,
    "duplicates": _counted,
    "unaccounted": _counted,
    "not_taken": _not_taken,
    "delivered": _delivered,
    "availability": _availability,
    "cost_per_1000": _cost_per_1000,
}
