"""What would decide an undecided objective, as text: more messages, a longer drain, or nothing.

A percentile and a share are both proportions: p95 < 20 s says that over 95 % of the messages take under 20 s.
If q is the measured share within the limit and p the required share, a run of n messages shows whether q is
above or below p with probability 80 % (power) if

    n >= ((1.96 sqrt(p (1 - p)) + 0.84 sqrt(q (1 - q))) / (q - p))^2        (normal approximation)

and n is at least the number that the interval needs. If messages are not independent, n grows by the ratio of
messages to independent messages.
"""

from __future__ import annotations

import math

from analysis.classes import message_of
from analysis.formatting import count_text, counted_text
from analysis.objectives.grammar import API

_CONFIDENCE_Z = 1.959964  # two-sided 95 %
_POWER_Z = 0.841621  # 80 %
# Beyond both, the estimate is too close to the limit for a run of practical length.
_MOST_TIMES = 100
_MOST_MESSAGES = 100_000
ACCEPTS_TO_THE_END = "a sender that accepts messages until the end of the load"
_FOR_PHONES = "smsbench simulate waits for phones, a live run does not"
HOPELESS = "no number of messages decides it, since the figure is at the limit"


def messages_needed(seen: float, asked: float, evidence: float = 1.0) -> float:
    """Messages that decide with 80 % probability; ``math.inf`` if the two shares are equal."""
    gap = abs(seen - asked)
    if gap == 0.0:
        return math.inf
    spread = _CONFIDENCE_Z * math.sqrt(asked * (1.0 - asked)) + _POWER_Z * math.sqrt(seen * (1.0 - seen))
    return (spread / gap) ** 2 / evidence


def messages_for_ratio(count: int, value: float, width: float, limit: float) -> float:
    """The same for a ratio of two sums. ``width``: half of its interval with ``count`` messages, over it."""
    if value == limit:
        return math.inf
    return count * (value * width * (1.0 + _POWER_Z / _CONFIDENCE_Z) / (value - limit)) ** 2


def more_needed(
    count: int, wanted: float, message_class: str, per_s: float, fewest: int = 0, whole_day: bool = False
) -> str:
    """``about 400 more transactional messages, as in 90 s more of this load``.

    ``count`` messages were judged and ``wanted`` are needed. ``per_s`` is their rate in the load. A whole day
    cannot be longer, only busier. ``fewest``: the number that the interval needs. A high percentile needs
    many, also far from the limit.
    """
    if wanted > max(_MOST_TIMES * count, _MOST_MESSAGES, 2 * fewest):
        return HOPELESS
    wanted = max(wanted, float(fewest))
    # The interval can need slightly more messages than the normal approximation says.
    more = _rounded_up(max(wanted - count, 0.05 * count, 1.0))
    noun = "request" if message_class == API else message_of(message_class)
    words = f"about {counted_text(more, f'more {noun}')}"
    if per_s <= 0:
        return words
    if whole_day:
        factor = math.ceil(10 * (count + more) / max(count, 1)) / 10
        return f"{words}, as in a day with {factor:g} times the messages (--scale)"
    return f"{words}, as in {_duration(more / per_s)} more of this load"


def needs_lead(needs: str) -> str:
    """What comes before ``needs`` in a sentence that says why an objective is undecided."""
    return "; " if needs == HOPELESS else "; to decide it: "


def wait_longer(open_count: int, unforwarded: int = 0, for_phones: int = 0) -> str:
    """``unforwarded``: those of them that the sender still had not forwarded after the longest wait.

    ``for_phones``: those with a phone that is off or out of coverage. A live run does not wait for phones, so
    only a simulated load shows their final state.
    """
    if unforwarded:
        return (
            f"a sender that forwards what it accepts: {counted_text(unforwarded)} did not reach the provider"
        )
    verb = "was" if open_count == 1 else "were"
    wait = "wait longer after the load (--drain-timeout)"
    subject = f"the final state of {counted_text(open_count)} that {verb} still open"
    if not for_phones:
        return f"{subject}: {wait}"
    if for_phones == open_count:
        return f"{subject} since a phone is off or out of coverage: {_FOR_PHONES}"
    phones = f"{count_text(for_phones)} of them for phones that are off or out of coverage"
    return f"{subject}, {phones}: {_FOR_PHONES}; for the others {wait}"


def _rounded_up(value: float) -> int:
    """To two significant digits, since it is an estimate."""
    step = 10 ** max(math.floor(math.log10(value)) - 1, 0)
    return int(math.ceil(value / step) * step)


def _duration(seconds: float) -> str:
    if seconds <= 600:
        return f"{math.ceil(seconds / 10) * 10} s"
    if seconds <= 7200:
        return f"{math.ceil(seconds / 60)} min"
    return f"{math.ceil(seconds / 3600)} h"
