"""What the shares show for a missed objective: no sender can meet it, the contract prevents it, or the send
order does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from analysis.classes import messages_of
from analysis.findings import DelaySplit, Reach, lacks_flag
from analysis.formatting import count_text, seconds_beside_limit
from analysis.objectives.objective_text import interval_text, quantile_text
from analysis.quantile import Quantile

_WAITS = 0.05  # of a class's mean delivery time; a shorter wait is none
_ALIKE = 0.5  # of the other class's wait


def out_of_reach(
    splits: Iterable[DelaySplit], message_class: str, percentile: float, limit_s: float, faults: bool = False
) -> Reach:
    """A sentence if no sender can meet the objective on this profile.

    The condition: the whole interval of the network's percentile is above the limit. An OTP that went without
    the priority flag, or a message on one of several routes, does not have the network of an ideal sender:
    then the sentence says so. With ``faults`` the network's time includes what they added to it.
    """
    split = _split_of(splits, message_class)
    network = _quantile_at(split.network_only, percentile) if split else None
    if network is None or network.low_s is None or network.low_s <= limit_s:
        return Reach()
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
    return Reach(
        "network_alone",
        f"{subject}{' with the injected faults' if faults else ''}: the network alone takes "
        f"{_with_interval_text(network, limit_s)} for {percentile:g} % of {messages_of(message_class)}.",
    )


def to_negotiate(
    splits: Iterable[DelaySplit],
    message_class: str,
    percentile: float,
    limit_s: float,
    backlog_grew: bool = False,
    measured: Quantile | None = None,
) -> Reach:
    """A sentence with the limit to negotiate, or that an ideal sender needs no other contract.

    ``measured``: the percentile of the objective, which the page shows. It has also the messages that did not
    arrive.

    The condition: the interval with the contract's share is above the limit, and the one without it is not.
    The time with an ideal sender is computed for the messages of this run, and has no interval. If it meets
    the limit within the same contract, no limit is named, unless the backlog grew until the end of the load:
    then a longer load would miss it with any sender.
    """
    split = _split_of(splits, message_class)
    if split is None:
        return Reach()
    total = _quantile_at(split.total, percentile)
    contract = next((share for share in split.shares if share.name == "contract"), None)
    without = _quantile_at(contract.without, percentile) if contract else None
    if total is None or not _late(split, total, measured, limit_s):
        return Reach()
    if without is None or without.high_s is None or without.high_s > limit_s:
        return Reach()
    measured = measured or total
    instead = "" if measured.state == "withheld" else f", not {_with_interval_text(measured, limit_s)}"
    ideal_s = _ideal_s(split, percentile)
    if not backlog_grew and ideal_s is not None and ideal_s <= limit_s:
        arrive = f"would arrive within {seconds_beside_limit(ideal_s, limit_s)}{instead}"
        return Reach(
            "sufficient",
            f"The contract is sufficient: with an ideal sender {percentile:g} % of the "
            f"{messages_of(message_class)} of this run {arrive}; they waited in the provider's queue behind "
            "messages that were sent earlier.",
        )
    named = split.limit or "the contract's limits"
    return Reach(
        "negotiate",
        f"Without the contract's share of the delay, {percentile:g} % of {messages_of(message_class)} would "
        f"arrive within {_with_interval_text(without)}{instead}. The sender's share is still in this time. "
        f"The limit to negotiate: {named}.",
    )


def out_of_order(
    splits: Iterable[DelaySplit],
    message_class: str,
    percentile: float,
    limit_s: float,
    measured: Quantile | None = None,
) -> Reach:
    """A sentence if the class waited only because the sender did not send it before another one.

    The condition: an ideal sender meets the limit within the same contract and hardly waits for it with this
    class, but has to wait with another class, and in the run this class waited about as long as that one. A
    longer load does not change that, also if its backlog grows: it is one of the other class.
    """
    found = tuple(splits)
    split = _split_of(found, message_class)
    ideal_s = _ideal_s(split, percentile) if split else None
    total = _quantile_at(split.total, percentile) if split else None
    if split is None or ideal_s is None or total is None or not _late(split, total, measured, limit_s):
        return Reach()
    if ideal_s > limit_s or _waits(split, percentile) is not False:
        return Reach()
    waiting = [each for each in found if each is not split and _waits(each, percentile)]
    never = measured is not None and measured.state == "never" and _queued_s(split) > limit_s
    if not any(never or _queued_s(split) >= _ALIKE * _queued_s(each) for each in waiting):
        return Reach()
    mean_s = {share.name: share.mean_s for share in split.shares}
    where = "the sender" if mean_s["sender"] > mean_s["contract"] else "the provider's queue"
    arrive = f"would arrive within {seconds_beside_limit(ideal_s, limit_s)}"
    return Reach(
        "send_order",
        f"With an ideal sender and the same contract {percentile:g} % of the {messages_of(message_class)} of "
        f"this run {arrive}; they waited in {where} among messages of other classes.",
    )


def _waits(split: DelaySplit, percentile: float) -> bool | None:
    """Whether an ideal sender has to wait for the contract's limits; None if it is not known."""
    ideal_s, network = _ideal_s(split, percentile), _quantile_at(split.network_only, percentile)
    if ideal_s is None or network is None or network.value_s is None or math.isinf(network.value_s):
        return None
    return ideal_s - network.value_s > _WAITS * split.total_mean_s


def _ideal_s(split: DelaySplit, percentile: float) -> float | None:
    """The time with an ideal sender, of the messages of this run; None with too few of them."""
    of_run = zip(split.ideal, split.ideal_of_run_s, strict=False)
    return next((each_s for each, each_s in of_run if each.percentile == percentile), None)


def _queued_s(split: DelaySplit) -> float:
    return split.total_mean_s - sum(share.mean_s for share in split.shares if share.name == "network")


def why_missed(
    splits: Iterable[DelaySplit],
    message_class: str,
    percentile: float,
    limit_s: float,
    backlog_grew: bool = False,
    faults: bool = False,
    measured: Quantile | None = None,
) -> Reach:
    """The sentence that applies. With fault windows, no wait is known to be the contract's.

    No limit is to be negotiated for messages that another send order would deliver in time.
    """
    of = tuple(splits), message_class, percentile, limit_s
    beyond = out_of_reach(*of, faults)
    if beyond.kind or faults:
        return beyond
    contract = to_negotiate(*of, backlog_grew, measured)
    if contract.kind == "sufficient":
        return contract
    ordered = out_of_order(*of, measured)
    return ordered if ordered.kind else contract


def _split_of(splits: Iterable[DelaySplit], message_class: str) -> DelaySplit | None:
    return next((split for split in splits if split.message_class == message_class), None)


def _quantile_at(quantiles: tuple[Quantile, ...], percentile: float) -> Quantile | None:
    return next((each for each in quantiles if each.percentile == percentile), None)


def _late(split: DelaySplit, total: Quantile, measured: Quantile | None, limit_s: float) -> bool:
    """Whether the messages that arrived were too late: the whole interval is above the limit.

    In a backlog that grows, their percentile may have no lower end, since each message depends on the last
    one, though the objective is missed. Then their mean has to be above the limit, too: the objective's own
    interval also has messages that never arrive.
    """
    if total.low_s is not None:
        return total.low_s > limit_s
    missed = measured is not None and measured.low_s is not None and measured.low_s > limit_s
    return missed and split.total_mean_s > limit_s


def _with_interval_text(quantile: Quantile, limit_s: float | None = None) -> str:
    """The value with its interval; only the interval if the value is withheld."""
    interval = interval_text(quantile, limit_s)
    return interval if quantile.value_s is None else f"{quantile_text(quantile, limit_s)} ({interval})"
