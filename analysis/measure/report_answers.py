"""Delivery reports that the sender did not confirm, or confirmed late. A provider repeats such a report.

The journal has the first report of a message and its confirmation. The repeats are counts of the provider's
samples: they do not say whether the sender answered with an error or did not answer.
"""

from __future__ import annotations

import numpy as np

from analysis.arrays import Bools
from analysis.findings import REPORTS_NOT_CONFIRMED, Hint
from analysis.formatting import count_text, counted_text, round_seconds_text, seconds_text, share_text
from analysis.measure.outcomes import DELIVERED, MessageOutcomes
from analysis.measure.silence import silences
from analysis.read.journeys import Journeys, Samples

PROMPT_S = 1.0  # an answer within it is no hint; the shortest pause before a repeat
_ANSWER_MAY_FOLLOW_S = 2.0  # a report that was sent later before the run's end may still have been answered
_WORTH_SAYING = 0.01  # of the reports
_MOST_SPANS = 3
_SENT = "count_reports_sent"
_REPEATED, _ABANDONED = "count_reports_retried", "count_reports_given_up"


def reports_not_confirmed(journeys: Journeys, outcomes: MessageOutcomes) -> Hint | None:
    """None if the sender confirmed the reports at once, or if there were none."""
    provider = journeys.provider
    sent = np.isfinite(provider.reported_s)
    confirmed = np.isfinite(provider.confirmed_s)
    never: Bools = sent & ~confirmed & (provider.reported_s < journeys.end_s - _ANSWER_MAY_FOLLOW_S)
    delay_s = np.where(sent & confirmed, provider.confirmed_s - provider.reported_s, 0.0)
    late: Bools = delay_s > PROMPT_S
    counted = _SENT in journeys.samples.name  # a counter that is still zero has no samples
    repeats, abandoned = (_rise(journeys.samples, name) for name in (_REPEATED, _ABANDONED))
    count, least = int(np.count_nonzero(never)), _WORTH_SAYING * int(np.count_nonzero(sent))
    if not count and max(int(np.count_nonzero(late)), repeats, abandoned) <= least:
        return None
    sentences = []
    if count:
        arrived = int(np.count_nonzero(never & (outcomes.outcome == DELIVERED)))
        sentences.append(
            f"The sender did not confirm the delivery reports of {counted_text(count)} "
            f"({share_text(count, int(np.count_nonzero(sent)))} of those with a report) before the run "
            f"ended, of which {count_text(arrived)} {'was' if arrived == 1 else 'were'} delivered: the "
            "sender does not know their final states from a report"
        )
    if late.any():
        number, prompt = counted_text(int(np.count_nonzero(late))), round_seconds_text(PROMPT_S)
        latest = f"after they were first sent, the latest after {seconds_text(float(delay_s.max()))}"
        if counted and not repeats:
            # No report was sent twice, so the sender confirmed the first request and was slow.
            sentences.append(
                f"The sender confirmed the reports of {number} late: more than {prompt} {latest}"
            )
        else:
            sentences.append(f"The reports of {number} were confirmed more than {prompt} {latest}")
    if repeats or abandoned:
        given_up = f", and gave up {counted_text(abandoned, 'report')}" if abandoned else ""
        sentences.append(
            f"The provider repeated reports {counted_text(repeats, 'time')}{given_up}: the sender had "
            "answered with an error, or not at all"
        )
    away = _while_not_reached(journeys, never)
    if away:
        sentences.append(away)
    elif count or repeats or abandoned:
        sentences.append("If these requests reached the sender, its log has why they failed")
    return Hint(REPORTS_NOT_CONFIRMED, ". ".join(sentences) + ".", count)


def _while_not_reached(journeys: Journeys, never: Bools) -> str:
    """That most of these reports came when the sender refused connections; "" if they did not."""
    away = [each for each in silences(journeys) if not each.waited]
    reported_s = journeys.provider.reported_s
    during = sum(
        int(np.count_nonzero(never & (reported_s >= each.from_s) & (reported_s <= each.to_s)))
        for each in away
    )
    if not during or 2 * during <= int(np.count_nonzero(never)):
        return ""
    spans = " and ".join(
        f"from {seconds_text(each.from_s)} to {seconds_text(each.to_s)}" for each in away[:_MOST_SPANS]
    )
    return (
        f"{count_text(during)} of these reports were first sent while the sender could not be reached "
        f"({spans} after the load's start)"
    )


def _rise(samples: Samples, name: str) -> int:
    """The rise of a counter of the provider from the load's start to the last sample.

    A counter without a sample is zero. The probe's reports come before the load.
    """
    rows = [
        row
        for row, (process, each) in enumerate(zip(samples.process, samples.name, strict=True))
        if process == "provider" and each == name
    ]
    before = [samples.value[row] for row in rows if samples.at_s[row] < 0]
    return max(int(samples.value[rows[-1]] - (before[-1] if before else 0.0)), 0) if rows else 0
