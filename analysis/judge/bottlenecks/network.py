"""The network: messages fail on the way to the phone, or take longer there than the objective allows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.arrays import Bools, Floats
from analysis.classes import GUARDED_CLASS, class_text
from analysis.findings import (
    NETWORK_EXPIRES,
    NETWORK_LOSES,
    NETWORK_ON_ROUTES,
    NETWORK_WITHOUT_FLAG,
    PROVIDER_ERRORS,
    THE_NETWORK,
    WITHOUT_FLAG,
    BottleneckSign,
)
from analysis.formatting import count_text, limit_text, seconds_text
from analysis.judge.bottlenecks.kind import Description, Kind, KindFinding, over, strength, typical
from analysis.judge.bottlenecks.symptoms import FAILED_SHARE, FEWEST
from analysis.judge.bottlenecks.view import View
from analysis.judge.bottlenecks.waits import median
from analysis.measure.outcomes import DELIVERED, EXPIRED, OPEN
from analysis.measure.percentiles import ranks

ERROR_SHARE = 0.05  # of the provider's requests
_ERRORS = ("internal_error", "unavailable")


def drawn_s(view: View) -> Floats:
    """The delay with an ideal sender: the provider's answer and the radio, as drawn for the message.

    NaN for a message that does not count in the delivery times. A message that failed or was rejected has a
    radio drawn too, but was not on it to the end.
    """
    outcome, provider = view.outcomes.outcome, view.provider
    on_its_way = (outcome == OPEN) & np.isfinite(provider.carrier_s)
    counted = ((outcome == DELIVERED) | on_its_way) & ~provider.unreachable
    radio_s = np.where(np.isfinite(provider.radio_s), provider.radio_s, provider.final_s - provider.carrier_s)
    return np.where(counted, np.nan_to_num(provider.reply_s) + radio_s, np.nan)


@dataclass(frozen=True)
class _TooSlow:
    """Missed objectives that the drawn delays alone would miss: the windows, and a sentence for each."""

    windows: Bools
    texts: tuple[str, ...]
    unflagged: frozenset[str]  # classes that would have a faster network with the provider's priority flag
    without_flag: bool  # each of the classes would have a faster network with the provider's priority flag


def find_network(view: View) -> KindFinding:
    lost = view.windows.share(view.due_s, view.failed_on_the_way, view.provider.accepted)
    many = view.windows.counts(view.due_s, view.failed_on_the_way) >= FEWEST
    failing = over(lost, FAILED_SHARE) & many
    errors = _error_share(view)
    too_slow = _too_slow(view)
    expired: Bools = view.failed_on_the_way & (view.outcomes.outcome == EXPIRED)
    expires = 2 * np.count_nonzero(expired) > np.count_nonzero(view.failed_on_the_way)

    def describe(windows: Bools) -> Description:
        evidence = []
        if failing[windows].any():
            evidence.append(_failed_text(view, "failed", view.failed_on_the_way))
            if expires:
                evidence += _expired_texts(view, expired)
        if over(errors, ERROR_SHARE)[windows].any():
            evidence.append(
                f"the provider answered {100 * typical(errors, windows):.0f} % of the requests with an error"
            )
        evidence += too_slow.texts
        otp: list[BottleneckSign] = ["otp_without_flag"] if GUARDED_CLASS in too_slow.unflagged else []
        if failing[windows].any() and expires:
            return Description(f"{THE_NETWORK}: {NETWORK_EXPIRES}", tuple(evidence), ("validity_passed",))
        if failing[windows].any():
            return Description(f"{THE_NETWORK}: {NETWORK_LOSES}", tuple(evidence), (*otp, "network_loses"))
        if over(errors, ERROR_SHARE)[windows].any():
            text = f"{THE_NETWORK}: {PROVIDER_ERRORS}"
            return Description(text, tuple(evidence), (*otp, "provider_errors"))
        which, signs = _which(view, too_slow)
        text = f"{which}: its delay alone is longer than the objective allows"
        return Description(text, tuple(evidence), (*otp, *signs))

    seen = failing | over(errors, ERROR_SHARE) | too_slow.windows
    return KindFinding(strength(seen, np.where(failing | too_slow.windows, 0.95, 0.9)), describe)


def _failed_text(view: View, did: str, messages: Bools) -> str:
    count, accepted = (int(np.count_nonzero(each)) for each in (messages, view.provider.accepted))
    return (
        f"{count_text(count)} of {count_text(accepted)} messages {did} after a carrier had accepted them "
        "(without phones that were switched off)"
    )


def _expired_texts(view: View, expired: Bools) -> tuple[str, str]:
    """When they expired, and how much of that time they had been with a carrier."""
    life_s = median((view.provider.final_s - view.provider.forwarded_s)[expired])
    radio_s = median((view.provider.final_s - view.provider.carrier_s)[expired])
    return (
        f"{count_text(int(np.count_nonzero(expired)))} of these expired, {seconds_text(life_s)} after the "
        "provider had accepted them (median): their validity",
        f"they were at the carrier for {seconds_text(radio_s)} of it",
    )


def _which(view: View, too_slow: _TooSlow) -> tuple[str, tuple[BottleneckSign, ...]]:
    """The network as the sender used it: with another flag or route it may be faster."""
    if too_slow.without_flag:
        return NETWORK_WITHOUT_FLAG, ("all_without_flag",)
    if view.given.routes > 1:
        return NETWORK_ON_ROUTES, ("several_routes",)
    return THE_NETWORK, ()


def _error_share(view: View) -> Floats:
    found = np.sum([view.gauges.rise("provider", f"count_refused_{name}") for name in _ERRORS], axis=0)
    for name in ("count_requests_hung", "count_disconnects"):
        found = found + view.gauges.rise("provider", name)
    return np.asarray(found / np.maximum(view.gauges.rise("provider", "count_requests"), 1.0))


def _too_slow(view: View) -> _TooSlow:
    """Objectives that the drawn delays of all their messages miss; of these, the windows that are too slow.

    The percentile of a window alone shows nothing: an objective allows some slow messages.
    """
    drawn, slow = drawn_s(view), _without_flag(view)
    seen: Bools = np.zeros(view.windows.count, dtype=np.bool_)
    texts, unflagged, classes = [], [], set[str]()
    for objective, of_class in view.missed_times:
        limit_s, percent = objective.limit_s, objective.percentile
        assert limit_s is not None and percent is not None
        among = of_class & np.isfinite(drawn)
        whole_s = _percentile(drawn[among], percent)
        if not whole_s > limit_s:
            continue
        seen |= over(view.windows.percentile(view.due_s, drawn, among, percent), limit_s)
        without = among & slow
        with_flag_s = _percentile(drawn[among & ~slow], percent)
        unflagged.append(bool(without.any()) and not with_flag_s > limit_s)
        if unflagged[-1]:
            classes.add(objective.message_class)
        name = class_text(objective.message_class)
        texts.append(
            f"{name}: {f'{WITHOUT_FLAG} ' if unflagged[-1] else ''}the provider's answer "
            f"and the radio alone took {seconds_text(whole_s)} at p{percent:g}; "
            f"the limit is {limit_text(limit_s)}"
        )
    return _TooSlow(seen, tuple(texts), frozenset(classes), bool(unflagged) and all(unflagged))


def _percentile(values: Floats, percent: float) -> float:
    """By nearest rank, as in the shares of the delay; NaN without values."""
    return float(np.sort(values)[ranks(len(values), (percent,))[0] - 1]) if len(values) else float("nan")


def _without_flag(view: View) -> Bools:
    """Messages without the provider's priority flag, where it changes the time to the handset."""
    without: Bools = ~view.provider.priority & view.given.flag_is_faster
    return without


NETWORK = Kind("network", find_network)
