"""Concurrent campaigns: the rate of each, and whether the rates are fair.

A campaign's rate is its deliveries from its first arrival until 95 % of its accepted messages had arrived or
failed. Jain's index (Jain, Chiu and Hawe 1984) is computed from each rate divided by the campaign's size, so
that a small campaign is treated fairly with a smaller rate: (sum x)^2 / (n sum x^2). It is 1 if all are
equal, and 1/n if one has everything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from analysis import records
from analysis.arrays import Bools
from analysis.findings import CampaignFigures, Difference, Fairness
from analysis.measure.comparison.differences import TimeGroup, independent_difference
from analysis.measure.comparison.groups import group_of
from analysis.measure.dependence import evidence_of
from analysis.measure.outcomes import (
    DELIVERED,
    EXPIRED,
    FAILED,
    MessageOutcomes,
    delivered_in_order,
    delivery_ages,
    judge,
)
from analysis.measure.percentiles import quantiles, ranks
from analysis.quantile import Quantile
from analysis.read.journeys import Journeys, read_journeys

MOSTLY = 95.0
PERCENTILE = 95.0


def fairness(journeys: Journeys, outcomes: MessageOutcomes, run_dir: Path) -> Fairness | None:
    """The campaigns that the load's rows name; None without any."""
    labels = _labels(run_dir)
    names = sorted(set(labels.tolist()) - {""})
    if not names:
        return None
    campaigns = tuple(_figures(name, journeys, outcomes, labels == name) for name in names)
    shares = [each.per_s / each.messages for each in campaigns]
    return Fairness(campaigns=campaigns, jain=jain(shares) if len(campaigns) > 1 else None)


def jain(shares: Sequence[float]) -> float | None:
    """Jain's index of these shares; None if all are zero."""
    squares = sum(share * share for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares > 0 else None


def against_one(
    names: Sequence[str], several: tuple[Path, records.Manifest], one: tuple[Path, records.Manifest]
) -> tuple[Difference, ...]:
    """p95 of each of these campaigns minus p95 of the campaign that ran alone."""
    alone = _groups(*one)("")
    of = _groups(*several)
    return tuple(independent_difference(of(name), alone, PERCENTILE) for name in names)


def _labels(run_dir: Path) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    column = records.read_rows(run_dir / "load.arrow", records.LOAD_SCHEMA)["campaign"]
    return np.asarray(pc.fill_null(column, "").to_numpy(zero_copy_only=False), dtype=object)


def _figures(name: str, journeys: Journeys, outcomes: MessageOutcomes, among: Bools) -> CampaignFigures:
    accepted = among & journeys.accepted
    first_s = float(journeys.load.intended_s[among].min())
    return CampaignFigures(
        name=name,
        messages=int(np.count_nonzero(among)),
        delivered=int(np.count_nonzero(among & (outcomes.outcome == DELIVERED))),
        per_s=_rate(journeys, outcomes, accepted, first_s),
        p95=_p95(journeys, outcomes, accepted) if accepted.any() else None,
    )


def _p95(journeys: Journeys, outcomes: MessageOutcomes, accepted: Bools) -> Quantile:
    evidence = evidence_of(delivered_in_order(journeys, outcomes, accepted))
    return quantiles(delivery_ages(journeys, outcomes, accepted), (PERCENTILE,), evidence)[0]


def _rate(journeys: Journeys, outcomes: MessageOutcomes, accepted: Bools, first_s: float) -> float:
    """Deliveries per second until 95 % of the campaign were final, or until observation ended."""
    over = accepted & np.isin(outcomes.outcome, (DELIVERED, FAILED, EXPIRED))
    ends = np.sort(np.where(over, np.nan_to_num(journeys.provider.final_s, nan=np.inf), np.inf)[accepted])
    if len(ends) == 0:
        return 0.0
    last_s = min(float(ends[ranks(len(ends), (MOSTLY,))[0] - 1]), journeys.end_s)
    arrived = accepted & (outcomes.outcome == DELIVERED) & (journeys.provider.final_s <= last_s)
    return float(np.count_nonzero(arrived)) / max(last_s - first_s, 1e-9)


def _groups(run_dir: Path, manifest: records.Manifest) -> Callable[[str], TimeGroup]:
    """The times of a campaign's messages by its name; "": of all campaigns."""
    journeys = read_journeys(run_dir, manifest)
    labels, outcomes = _labels(run_dir), judge(journeys)

    def of(name: str) -> TimeGroup:
        among: Bools = (labels == name if name else labels != "") & journeys.accepted
        return group_of(journeys, outcomes, among)

    return of
