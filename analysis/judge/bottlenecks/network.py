"""The network: messages fail on the way to the phone, or take longer there than the objective allows."""

from __future__ import annotations

import numpy as np

from analysis.arrays import Bools, Floats
from analysis.formatting import count_text, seconds_text
from analysis.judge.bottlenecks.kind import Description, Kind, Seen, over, strength, typical
from analysis.judge.bottlenecks.symptoms import FAILED_SHARE, FEWEST
from analysis.judge.bottlenecks.view import View

ERROR_SHARE = 0.05  # of the provider's requests
_ERRORS = ("internal_error", "unavailable")


def drawn_s(view: View) -> Floats:
    """The delay with an ideal sender: the provider's answer and the radio, as drawn for the message."""
    radio_s = np.where(
        np.isfinite(view.provider.radio_s),
        view.provider.radio_s,
        view.provider.delivered_s - view.provider.carrier_s,
    )
    return np.where(view.waited_for_phone, np.nan, np.nan_to_num(view.provider.reply_s) + radio_s)


def look(view: View) -> Seen:
    lost = view.windows.share(view.due_s, view.failed_on_the_way, view.provider.accepted)
    many = view.windows.counts(view.due_s, view.failed_on_the_way) >= FEWEST
    failing = over(lost, FAILED_SHARE) & many
    errors = _error_share(view)
    slow, slow_words = _too_slow(view)

    def describe(windows: Bools) -> Description:
        evidence = []
        if failing[windows].any():
            count = int(np.count_nonzero(view.failed_on_the_way))
            accepted = int(np.count_nonzero(view.provider.accepted))
            evidence.append(
                f"{count_text(count)} of {count_text(accepted)} messages failed after a carrier had "
                "accepted them (without phones that were switched off)"
            )
        if over(errors, ERROR_SHARE)[windows].any():
            evidence.append(
                f"the provider answered {100 * typical(errors, windows):.0f} % of the requests with an error"
            )
        evidence += slow_words
        return "the network: " + _what(failing, errors, windows), tuple(evidence)

    seen = failing | over(errors, ERROR_SHARE) | slow
    return Seen(strength(seen, np.where(failing | slow, 0.95, 0.9)), describe)


def _what(failing: Bools, errors: Floats, windows: Bools) -> str:
    if failing[windows].any():
        return "many messages fail on their way to the phone"
    if over(errors, ERROR_SHARE)[windows].any():
        return "the provider answers with errors"
    return "its delay alone is longer than the objective allows"


def _error_share(view: View) -> Floats:
    found = np.sum([view.gauges.rise("provider", f"count_refused_{name}") for name in _ERRORS], axis=0)
    for name in ("count_requests_hung", "count_disconnects"):
        found = found + view.gauges.rise("provider", name)
    return np.asarray(found / np.maximum(view.gauges.rise("provider", "count_requests"), 1.0))


def _too_slow(view: View) -> tuple[Bools, list[str]]:
    """Windows in which the drawn delays alone would miss a missed objective."""
    drawn = drawn_s(view)
    seen: Bools = np.zeros(view.windows.count, dtype=np.bool_)
    words = []
    for objective, among in view.missed_times:
        assert objective.limit_s is not None and objective.percentile is not None
        high = view.windows.percentile(view.due_s, drawn, among & np.isfinite(drawn), objective.percentile)
        slow = over(high, objective.limit_s)
        if slow.any():
            seen |= slow
            words.append(
                f"{objective.message_class}: the provider's answer and the radio alone took "
                f"{seconds_text(typical(high, slow))} at p{objective.percentile:g}; the limit is "
                f"{seconds_text(objective.limit_s)}"
            )
    return seen, words


NETWORK = Kind("network", look)
