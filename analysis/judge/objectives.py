"""The objectives of one part, each judged by the interval of what it limits."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from analysis.classes import ALL, class_text
from analysis.formatting import count_text, counted_text
from analysis.judge.evidence import (
    ACCEPTS_TO_THE_END,
    messages_for_ratio,
    messages_needed,
    more_needed,
    wait_longer,
)
from analysis.judge.losses import (
    FORWARDS,
    LIST_KEYS,
    LONGER_WAIT,
    PASS_THE_KEY,
    REPEATS,
    WAIT_FOR_THEM,
    ended_early,
    keyless,
    least_unaccounted,
    losses,
    may_be_unknown,
    still_held,
)
from analysis.judge.objective_inputs import Finding, ObjectiveInputs
from analysis.judge.objective_times import NO_GROWTH, api_response, delivery_time
from analysis.judge.options import for_command
from analysis.judge.sample_size import count_as
from analysis.judge.verdict import judge
from analysis.measure.binomial import clopper_pearson
from analysis.measure.outcomes import with_other_keys
from analysis.model import Accounting, Objective, Verdict
from analysis.objectives.defaults import CLASS_DEFAULTS, DEFAULT_OBJECTIVES
from analysis.objectives.grammar import Spec
from analysis.objectives.objective_text import limit_of, name_of, value_text
from analysis.quantile import CONFIDENCE

_MORE_ROOM = "a machine that can hold more unanswered requests (open files: ulimit -n; local ports)"


def judge_all(specs: tuple[Spec, ...], facts: ObjectiveInputs) -> tuple[Objective, ...]:
    """One for each objective except those that the part cannot test: those for classes that the load does not
    have, and those for the API in virtual time.
    """
    return tuple(_judged(spec, _found(spec, facts)) for spec in specs if _tests(spec, facts))


def _found(spec: Spec, facts: ObjectiveInputs) -> Finding:
    """A message whose key was lost may have arrived, so that neither a wait nor more messages decide."""
    found = _FINDERS[spec.measure](spec, facts)
    if facts.stopped_forwarding and found.needs in (WAIT_FOR_THEM, NO_GROWTH):
        found = replace(found, needs=FORWARDS)
    found = replace(found, needs=for_command(found.needs, facts.command, facts.cut_short))
    measured = spec.measure in ("delivery_time", "delivered", "cost_per_1000")
    unknown = measured and facts.outcomes[spec.message_class].without_key > 0
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


def _not_tested(spec: Spec) -> Finding:
    if spec.measure == "api_response":
        why = "requests to the sender's API take no time in virtual time"
        return Finding(None, None, None, why, needs="a live run: smsbench run")
    why = "the load has no message of this class"
    needs = f"messages of class {class_text(spec.message_class)}"
    return Finding(None, None, None, why, needs, "no such message in the load")


def _judged(spec: Spec, found: Finding) -> Objective:
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


def _counted(spec: Spec, facts: ObjectiveInputs) -> Finding:
    """Lost, duplicated and unaccounted messages.

    All were counted, so both ends of the interval are equal, except for the cases in ``judge.losses``.
    """
    accounting = facts.accounting
    if not accounting.accepted:
        return Finding(None, None, None, "no message was accepted", needs="accepted messages")
    if spec.measure == "duplicates":
        return _duplicates(facts)
    if spec.measure == "unaccounted":
        return _unaccounted(spec, facts)
    found = losses(accounting, facts.sender_rows, facts.waited_out, facts.repeats_awaited)
    if found.low == found.high:
        return _exact(found.low, _with_list(found.why, found.low), accounting)
    return _between(found.low, found.high, found.why, found.needs, accounting)


def _unaccounted(spec: Spec, facts: ObjectiveInputs) -> Finding:
    if not facts.journal:
        return Finding(None, None, None, "the provider's rows are missing", needs="the provider's rows")
    accounting, count = facts.accounting, facts.accounting.unaccounted
    accepted = f"of {count_text(accounting.accepted)} accepted"
    why = f"{accepted}; an unaccounted message was never seen by the provider"
    if count and not facts.sender_rows and not facts.waited_out:
        why = f"{accepted}; {ended_early(counted_text(count))}"
        return replace(_between(0, count, why, WAIT_FOR_THEM, accounting), value=float(count))
    if accounting.without_key:
        return _between(count, count + accounting.without_key, keyless(accounting), PASS_THE_KEY, accounting)
    least, needs = least_unaccounted(accounting), PASS_THE_KEY
    if least == count:
        return _exact(count, _with_list(why, count), accounting)
    if accounting.still_held:
        why, needs = f"{accepted}; {still_held(accounting)}", WAIT_FOR_THEM
    if accounting.unknown_messages:
        why = f"{why}; {may_be_unknown(accounting.unknown_messages)}"
    between = f"{value_text(spec, least)} to {value_text(spec, count)}"
    return replace(_between(least, count, why, needs, accounting), measured=between)


def _duplicates(facts: ObjectiveInputs) -> Finding:
    accounting = facts.accounting
    if not facts.journal:
        return Finding(None, None, None, "the provider's rows are missing", needs="the provider's rows")
    found = accounting.duplicates
    accepted = f"of {count_text(accounting.accepted)} accepted"
    if others := with_other_keys(accounting):
        why = (
            f"{counted_text(others)} at the provider had keys that the load did not send: they may be "
            f"copies; {accepted}"
        )
        return _between(found, found + others, why, PASS_THE_KEY, accounting)
    why = f"{accepted}; a duplicate is a message that the provider accepted more than once"
    return _exact(found, _with_list(why, found), accounting)


def _with_list(why: str, count: int) -> str:
    return f"{why}; {LIST_KEYS}" if count else why


def _exact(found: int, why: str, accounting: Accounting) -> Finding:
    return _between(found, found, why, "", accounting)


def _between(low: int, high: int, why: str, needs: str, accounting: Accounting) -> Finding:
    return Finding(float(low), low, high, why, needs, count=accounting.accepted)


def _not_taken(spec: Spec, facts: ObjectiveInputs) -> Finding:
    """A count over the whole load, without an interval: the outcome of each due message is known."""
    accounting = facts.accounting
    if not accounting.planned:
        return Finding(None, None, None, "no message came due", needs="a load")
    left = accounting.not_taken
    numbers = accounting.refused_recipients
    parts = (
        (accounting.refused - numbers, "refused"),
        (accounting.failed_at_api, "failed"),
        (accounting.dropped_at_limit, "not sent because the in-flight limit was reached"),
        (accounting.unfinished, "unanswered at the end"),
    )
    listed = ", ".join(f"{count_text(count)} {word}" for count, word in parts if count) or "none"
    beside = "".join(
        f"; {count_text(count)} {word} not count"
        for count, word in (
            (numbers, "with a phone number that the provider refused do"),
            (accounting.dropped_by_bench, "that the bench was too late to send do"),
        )
        if count
    )
    needs = "an answer to every request (wait longer for the last answers)"
    unknown = accounting.dropped_at_machine_limit
    if unknown:
        beside += f"; {count_text(unknown)} that this machine had no room for may have been taken or not"
        needs = _MORE_ROOM
    return Finding(
        value=left / accounting.planned,
        low=left / accounting.planned,
        high=(left + accounting.unfinished + unknown) / accounting.planned,
        why=f"{listed}, of {count_text(accounting.planned)} that came due{beside}",
        needs=needs,
        count=accounting.planned,
    )


def _delivered(spec: Spec, facts: ObjectiveInputs) -> Finding:
    """A share with an interval: phones and networks are a random sample. Messages that failed together, as
    in an outage, count as fewer.
    """
    found = facts.outcomes.get(spec.message_class)
    if found is None or not found.accepted:
        return Finding(None, None, None, "no such message was accepted", needs="accepted messages")
    by = CONFIDENCE, found.evidence
    low, most_if_none = clopper_pearson(found.delivered, found.accepted, *by)
    least_if_all, high = clopper_pearson(found.delivered + found.open, found.accepted, *by)
    share, most = found.delivered / found.accepted, (found.delivered + found.open) / found.accepted
    interval = f"{value_text(spec, low)} to {value_text(spec, high)}"
    met_if_all = judge(spec.relation, least_if_all, high, spec.limit) == "met"
    missed_if_none = judge(spec.relation, low, most_if_none, spec.limit) == "missed"
    if found.unforwarded or (found.open and (met_if_all or missed_if_none)):
        needs = wait_longer(found.open, found.unforwarded, found.for_phones)
    elif not facts.accepts_to_the_end:
        needs = ACCEPTS_TO_THE_END
    else:
        wanted = messages_needed(share if share > spec.limit else most, spec.limit, found.evidence)
        per_s = facts.per_s(found.accepted)
        needs = more_needed(found.accepted, wanted, spec.message_class, per_s, 0, facts.whole_day)
    still = f", {count_text(found.open)} still open" if found.open else ""
    together = ""
    if found.evidence < 1.0:
        together = f": messages failed together and {count_as(found.evidence * found.accepted)}"
    return Finding(
        value=share,
        low=low,
        high=high,
        why=f"{count_text(found.delivered)} of {count_text(found.accepted)} accepted{still}; "
        f"95 % interval {interval}{together}",
        needs=needs,
        interval=interval,
        count=found.accepted,
    )


def _availability(spec: Spec, facts: ObjectiveInputs) -> Finding:
    found = facts.availability
    if found is None or not facts.accounting.planned:
        return Finding(None, None, None, "no message came due", needs="a load")
    share = found.available / found.windows
    most = (found.available + found.unknown) / found.windows
    why = f"{count_text(found.available)} of {counted_text(found.windows, 'window')} of {found.window_s:g} s"
    why = f"{why}; {found.why}" if found.why else why
    if found.unknown:
        interval = f"{value_text(spec, share)} to {value_text(spec, most)}"
        needs = "messages that reach the provider"
        if found.load_needed_s:
            needs = f"a load of at least {count_text(math.ceil(found.load_needed_s))} s"
        if ALL in facts.outcomes and facts.outcomes[ALL].unforwarded:
            needs = wait_longer(0, facts.outcomes[ALL].unforwarded)
        elif facts.accounting.unaccounted and not facts.waited_out and not found.load_needed_s:
            needs = WAIT_FOR_THEM
        elif facts.accounting.given_up and not found.load_needed_s:
            needs = REPEATS
        elif facts.accounting.to_repeat and not facts.repeats_awaited and not found.load_needed_s:
            needs = LONGER_WAIT
        elif facts.accounting.dropped_at_machine_limit and not found.load_needed_s:
            needs = _MORE_ROOM
        return Finding(
            None,
            share,
            most,
            why,
            needs,
            measured=interval,
            count=facts.accounting.planned,
        )
    return Finding(share, share, share, why, count=facts.accounting.planned)


def _cost_per_1000(spec: Spec, facts: ObjectiveInputs) -> Finding:
    """A ratio of two sums over a sample: which phones, networks and texts the messages have is chance.

    Open messages change what is delivered. The provider charges a message when it accepts it; one that it
    has not accepted counts at the highest price of this load.
    """
    every = facts.outcomes.get(ALL)
    delivered = every.delivered + facts.accounting.delivered_unacknowledged if every is not None else 0
    if every is None or not delivered or not facts.cost.points:
        why = "the provider's rows carry no price" if delivered else "nothing was delivered"
        return Finding(None, None, None, why, needs="delivered messages with a price")
    value = 1000.0 * facts.cost.points / delivered
    high = value + 1000.0 * every.unpriced * every.highest_price / delivered
    still = f", {count_text(every.open)} still open" if every.open else ""
    if every.unpriced:
        still = f"{still}, of which the provider has not accepted {count_text(every.unpriced)}"
    # Messages with other keys may be copies, or those of another program.
    least_points = facts.cost.points - facts.cost.other_keys_points
    least, width = 1000.0 * least_points / (delivered + every.open), every.cost_width
    low, high_end = least * (1.0 - width), high * (1.0 + width)
    interval = f"{value_text(spec, low)} to {value_text(spec, high_end)}" if width else ""
    if facts.cost.other_keys_points:
        still += ", and messages with keys that the load did not send are paid too: they may be copies"
    if judge(spec.relation, least_points * 1000.0 / delivered, value, spec.limit) == "undecided":
        needs = PASS_THE_KEY
    elif judge(spec.relation, least, high, spec.limit) == "undecided":  # without another message
        needs = wait_longer(every.open, every.unforwarded, every.for_phones)
    elif not facts.accepts_to_the_end:
        needs = ACCEPTS_TO_THE_END
    else:
        wanted = messages_for_ratio(every.accepted, value, width, spec.limit)
        per_s = facts.per_s(every.accepted)
        needs = more_needed(every.accepted, wanted, ALL, per_s, 0, facts.whole_day)
    return Finding(
        value=value,
        low=low,
        high=high_end,
        why=f"{count_text(delivered)} delivered{still}" + (f"; 95 % interval {interval}" if interval else ""),
        needs=needs,
        measured=f"{value_text(spec, value)} {facts.cost.currency}".rstrip(),
        interval=interval,
        count=every.accepted,
    )


_FINDERS: dict[str, Callable[[Spec, ObjectiveInputs], Finding]] = {
    "delivery_time": delivery_time,
    "api_response": api_response,
    "loss": _counted,
    "duplicates": _counted,
    "unaccounted": _counted,
    "not_taken": _not_taken,
    "delivered": _delivered,
    "availability": _availability,
    "cost_per_1000": _cost_per_1000,
}
