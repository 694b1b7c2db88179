"""A missed objective of each measure, made by hand."""

from __future__ import annotations

from made_reports import quantile

from analysis.model import Objective
from analysis.objectives.grammar import Measure


def missed(
    measure: Measure, limit: str, measured: str, limit_value: float, message_class: str = "all"
) -> Objective:
    return Objective(
        objective="made",
        measure=measure,
        name=measure,
        message_class=message_class,
        limit=limit,
        measured=measured,
        interval="",
        verdict="missed",
        why="",
        value=0.0,
        limit_value=limit_value,
        percentile=95.0 if measure == "api_response" else None,
        quantile=quantile(95.0, 1.51, 0.01) if measure == "api_response" else None,
    )
