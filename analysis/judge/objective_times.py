"""Objectives on percentiles: delivery times and the sender's answers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from msgspec import structs

from analysis.classes import ALL
from analysis.findings import GREW
from analysis.formatting import count_text, counted_text
from analysis.judge.evidence import (
    ACCEPTS_TO_THE_END,
    HOPELESS,
    messages_needed,
    more_needed,
    wait_longer,
)
from analysis.judge.objective_inputs import Finding, ObjectiveInputs, OutcomeCounts
from analysis.judge.sample_size import count_as
from analysis.judge.verdict import judge
from analysis.measure.percentiles import Ages, quantiles
from analysis.model import Distribution
from analysis.objectives.grammar import Spec
from analysis.objectives.objective_text import interval_text, quantile_text
from analysis.quantile import Quantile, independent_of, needed

NO_GROWTH = "a rate at which the backlog does not grow"


def delivery_time(spec: Spec, facts: ObjectiveInputs) -> Finding:
    alone = spec.message_class == ALL and len(facts.delivery) == 1  # all of them are of this class
    distribution = next(
        (each for each in facts.delivery if alone or each.message_class == spec.message_class), None
    )
    if distribution is None:
        return _none_accepted(facts.outcomes.get(spec.message_class))
    if facts.no_real_times:
        needs = "a run at the provider's own speed" if facts.journal else "the provider's rows"
        quantile = _quantile_of(distribution, spec)
        return Finding(
            *(quantile.value_s, None, None, facts.no_real_times, needs, quantile_text(quantile)),
            quantile=quantile,
            count=distribution.count,
            decides=not facts.journal,
        )
    counts = facts.outcomes.get(spec.message_class)
    unforwarded = counts.unforwarded if counts else 0
    accepted = counts.accepted if counts else 0
    if not distribution.count and accepted:
        why = (
            f"no message of this class was delivered to a reachable phone, of {count_text(accepted)} accepted"
        )
        quantile = _quantile_of(distribution, spec)
        needs = "messages of this class that arrive"
        return Finding(None, None, None, why, needs, "no message delivered", quantile=quantile)

    def ages() -> Ages:
        return facts.delivery_ages(spec.message_class)

    found = _percentile(spec, distribution, ages, facts, unforwarded)
    verdict = judge(spec.relation, found.low, found.high, spec.limit)
    if verdict == "missed" or not facts.backlog_grew(spec.message_class):
        return found
    if verdict == "undecided":
        late = _late_already(spec, _quantile_of(distribution, spec), ages())
        if late is not None:
            return _percentile(spec, distribution, ages, facts, unforwarded, late)
        if not unforwarded and _late_if_none_arrives(spec, ages()):
            return replace(found, needs=wait_longer(distribution.open_count))
    if verdict == "undecided" and not unforwarded:
        # The percentile describes a backlog that grows with the load, so more of this load decides nothing.
        return replace(found, needs=NO_GROWTH)
    if verdict == "met" and not facts.whole_day:
        # Each later message waits longer, so a longer load at this rate can miss the limit. A whole day has
        # no longer load.
        why = f"{found.why}; within the limit so far, but {GREW}"
        return replace(found, high=math.inf, why=why, needs=NO_GROWTH)
    return found


def _late_already(spec: Spec, found: Quantile, ages: Ages) -> Quantile | None:
    """The percentile with a lower end that misses the objective, if each message counts as independent.

    In a backlog that grows, each message waits longer than the last one. That is a trend, not chance, so it
    must not widen the lower end; the upper end is unknown in any case.
    """
    (alone,) = quantiles(ages, (spec.percentile or 0.0,))
    if judge(spec.relation, alone.low_s, alone.high_s, spec.limit) != "missed":
        return None
    return structs.replace(found, low_s=alone.low_s)


def _late_if_none_arrives(spec: Spec, ages: Ages) -> bool:
    """Whether the messages that are still open are enough for a miss that ``_late_already`` would show."""
    (last,) = quantiles(Ages(ages.high_s, ages.high_s), (spec.percentile or 0.0,))
    return judge(spec.relation, last.low_s, last.high_s, spec.limit) == "missed"


def _none_accepted(counts: OutcomeCounts | None) -> Finding:
    text = "no message accepted"
    if counts and counts.due:
        refused = counts.refused == counts.due
        of = f"{count_text(counts.due)} refused" if refused else f"0 of {count_text(counts.due)}"
        text = f"{text} ({of})"
    needs = "accepted messages of this class to reachable phones"
    return Finding(None, None, None, text, needs, text)


def api_response(spec: Spec, facts: ObjectiveInputs) -> Finding:
    distribution = next((each for each in facts.api if each.measure == "api_response"), None)
    if distribution is None:
        return Finding(None, None, None, "no request was sent", needs="requests to the sender")
    return _percentile(spec, distribution, facts.api_ages, facts)


def _quantile_of(distribution: Distribution, spec: Spec) -> Quantile:
    for quantile in distribution.quantiles:
        if quantile.percentile == spec.percentile:
            return quantile
    raise LookupError(f"p{spec.percentile:g} of {distribution.message_class} was not computed")


def _percentile(
    spec: Spec,
    distribution: Distribution,
    ages: Callable[[], Ages],
    facts: ObjectiveInputs,
    unforwarded: int = 0,
    found: Quantile | None = None,
) -> Finding:
    """``found`` takes the place of the distribution's percentile."""
    quantile = found or _quantile_of(distribution, spec)
    verdict = judge(spec.relation, quantile.low_s, quantile.high_s, spec.limit)
    undecided = verdict == "undecided"
    interval = interval_text(quantile, spec.limit)
    # Too few messages for the value can be enough for its lower end.
    at_least = quantile.state == "withheld" and verdict == "missed"
    return Finding(
        value=quantile.value_s,
        low=quantile.low_s,
        high=quantile.high_s,
        why=_percentile_why(distribution, quantile, spec, undecided, interval),
        needs=_percentile_needs(spec, distribution, ages(), facts, unforwarded) if undecided else "",
        measured=interval if at_least else _measured(spec, distribution.count, quantile),
        interval="" if quantile.state == "withheld" else interval,
        quantile=quantile,
        count=distribution.count,
    )


def _measured(spec: Spec, count: int, quantile: Quantile) -> str:
    if quantile.state == "withheld" and independent_of(count, quantile) is not None:
        return "too few independent messages"
    return quantile_text(quantile, spec.limit)


def _percentile_why(
    distribution: Distribution, quantile: Quantile, spec: Spec, undecided: bool, interval: str
) -> str:
    counted = counted_text(distribution.count, "request" if spec.measure == "api_response" else "message")
    if quantile.low_s is not None and math.isinf(quantile.low_s):
        rest, never = f"{100 - (spec.percentile or 0.0):g} %", "arrive"
        if spec.measure == "api_response":
            never = "get an answer"
        return f"of {counted}, {rest} or more never {never} (95 % certain)"
    if quantile.state == "withheld":
        independent = independent_of(distribution.count, quantile)
        if not undecided:
            only = "only " if independent is None else ""
            few = "too few for an interval with two ends, but enough late ones to prove a miss"
            return f"{only}{counted}: {few}"
        within = distribution.max_s is not None and distribution.max_s <= spec.limit
        complete = not distribution.open_count and not distribution.never_count
        few = f"the 95 % interval needs {count_text(needed(quantile.percentile))}"
        if independent is not None:
            few = f"they {count_as(independent)}, and {few}"
        return f"{counted}, all within the limit; {few}" if within and complete else f"{counted}; {few}"
    words = f"95 % interval {interval} of {counted}"
    if distribution.open_count and not math.isfinite(quantile.high_s or 0.0):
        words += f", {count_text(distribution.open_count)} still open"
    return words


def _percentile_needs(
    spec: Spec, distribution: Distribution, ages: Ages, facts: ObjectiveInputs, unforwarded: int
) -> str:
    """The true share within the limit is between two bounds: open messages arrive now, or never."""
    asked = (spec.percentile or 0.0) / 100.0
    count = ages.count
    if unforwarded:  # messages that never come, however long the wait and the load
        return wait_longer(distribution.open_count, unforwarded)
    if count == 0:
        return more_needed(0, needed(spec.percentile or 0.0), spec.message_class, 0.0)
    most = float(np.searchsorted(ages.low_s, spec.limit, side="right")) / count
    least = float(np.searchsorted(ages.high_s, spec.limit, side="right")) / count
    known = max(distribution.count - distribution.open_count - distribution.never_count, 1)
    evidence = min(max(distribution.effective_count / known, 1.0 / known), 1.0)
    fewest = needed(spec.percentile or 0.0, evidence)
    still_open = distribution.open_count
    if still_open and count >= fewest and _some_outcome_decides(spec, ages, still_open, evidence):
        return wait_longer(still_open)
    seen = least if least > asked else most
    estimate = messages_needed(seen, asked, evidence)
    if not facts.accepts_to_the_end:
        return ACCEPTS_TO_THE_END
    if_all = max(messages_needed(most, asked, evidence), fewest)
    awaited = 2 * distribution.open_count > count  # more messages with the same wait would be open too
    if distribution.open_count and least > asked and estimate > 2 * if_all:
        awaited, estimate = True, if_all
    more = more_needed(count, estimate, spec.message_class, facts.per_s(count), fewest, facts.whole_day)
    if awaited and more == HOPELESS:
        return wait_longer(distribution.open_count)
    if awaited:
        return f"{wait_longer(distribution.open_count)}; and {more}"
    return more


def _some_outcome_decides(spec: Spec, ages: Ages, open_count: int, evidence: float) -> bool:
    """Whether the objective is met in the best case of the open messages, or missed in the worst.

    The cases are those of ``analysis.objectives.final_verdict``: messages younger than the limit arrive now,
    and older ones waited for a phone that was off and do not count; or none of them arrives.
    """
    young = int(np.searchsorted(ages.low_s, spec.limit, side="right"))
    young -= int(np.searchsorted(ages.high_s, spec.limit, side="right"))
    best = ages.low_s[: ages.count - (open_count - young)]  # without as many as are beyond the limit and open
    for times_s in (best, ages.high_s):
        (found,) = quantiles(Ages(times_s, times_s), (spec.percentile or 0.0,), evidence)
        if judge(spec.relation, found.low_s, found.high_s, spec.limit) != "undecided":
            return True
    return False
