"""What the shares show for a missed objective: no sender can meet it, the contract prevents it, or the send
order does.
"""

from __future__ import annotations

from collections.abc import Iterable

from analysis.classes import messages_of
from analysis.findings import NETWORK_ALONE, SUFFICIENT, DelaySplit, lacks_flag
from analysis.formatting import count_text
from analysis.objectives.words import interval_text, quantile_text
from analysis.quantile import Quantile


def out_of_reach(
    splits: Iterable[DelaySplit], message_class: str, percentile: float, limit_s: float, faults: bool = False
) -> str:
    """A sentence if no sender can meet the objective on this profile, else "".

    The condition: the whole interval of the network's percentile is above the limit. An OTP that went without
    the priority flag, or a message on one of several routes, does not have the network of an ideal sender:
    then the sentence says so. With ``faults`` the network's time includes what they added to it.
    """
    split = _of(splits, message_class)
    network = _at(split.network_only, percentile) if split else None
    if network is None or network.low_s is None or network.low_s <= limit_s:
        return ""
    assert split is not None
    subject = "No sender can meet this objective on this profile"
    if split.without_flag:
        subject = (
            "No sender that sets the provider's priority flag only on OTPs can meet this objective on this "
            "profile"
        )
    if split.routes > 1:
        subject = "On the routes that the messages took, this objective is out of reach"
    if lacks_flag(split):
        of_all = f"{count_text(split.without_flag)} of {count_text(split.count)}"
        subject = f"Without the provider's priority flag ({of_all} messages), this objective is out of reach"
    return (
        f"{subject}{' with the injected faults' if faults else ''}: "
        f"{NETWORK_ALONE} {_shown(network, limit_s)} for {percentile:g} % of {messages_of(message_class)}."
    )


def to_negotiate(
    splits: Iterable[DelaySplit],
    message_class: str,
    percentile: float,
    limit_s: float,
    backlog_grew: bool = False,
    measured: Quantile | None = None,
) -> str:
    """A sentence with the limit to negotiate, or that an ideal sender needs no other contract; else "".

    ``measured``: the percentile of the objective, which the page shows. It may be withheld where the one of
    the split is not, since only the first counts dependent messages as fewer.

    The condition: the interval with the contract's share is above the limit, and the one without it is not.
    If an ideal sender meets the limit within the same contract, no limit is named, unless the backlog grew
    until the end of the load: then a longer load would miss it with any sender.
    """
    split = _of(splits, message_class)
    if split is None:
        return ""
    total = _at(split.total, percentile)
    contract = next((share for share in split.shares if share.name == "contract"), None)
    without = _at(contract.without, percentile) if contract else None
    if total is None or total.low_s is None or total.low_s <= limit_s:
        return ""
    if without is None or without.high_s is None or without.high_s > limit_s:
        return ""
    measured = measured or total
    instead = "" if measured.state == "withheld" else f", not {_shown(measured, limit_s)}"
    ideal = _at(split.ideal, percentile)
    if not backlog_grew and ideal is not None and ideal.high_s is not None and ideal.high_s <= limit_s:
        return (
            f"{SUFFICIENT}: with an ideal sender {percentile:g} % of {messages_of(message_class)} "
            f"would arrive within {_shown(ideal)}{instead}; they waited in the provider's "
            "queue behind messages that were sent earlier."
        )
    named = split.limit or "the contract's limits"
    return (
        f"Without the contract's share of the delay, {percentile:g} % of {messages_of(message_class)} would "
        f"arrive within {_shown(without)}{instead}. The sender's share is still in this time. The limit to "
        f"negotiate: {named}."
    )


def why_missed(
    splits: Iterable[DelaySplit],
    message_class: str,
    percentile: float,
    limit_s: float,
    backlog_grew: bool = False,
    faults: bool = False,
    measured: Quantile | None = None,
) -> str:
    """The sentence that applies, or "". With fault windows, no wait is known to be the contract's."""
    of = tuple(splits), message_class, percentile, limit_s
    return out_of_reach(*of, faults) or ("" if faults else to_negotiate(*of, backlog_grew, measured))


def _of(splits: Iterable[DelaySplit], message_class: str) -> DelaySplit | None:
    return next((split for split in splits if split.message_class == message_class), None)


def _at(quantiles: tuple[Quantile, ...], percentile: float) -> Quantile | None:
    return next((each for each in quantiles if each.percentile == percentile), None)


def _shown(quantile: Quantile, limit_s: float | None = None) -> str:
    """The value with its interval; only the interval if the value is withheld."""
    interval = interval_text(quantile, limit_s)
    return interval if quantile.value_s is None else f"{quantile_text(quantile, limit_s)} ({interval})"
