"""The verdict of a capacity search that found no sustained rate."""

from __future__ import annotations

from analysis.capacity_record import CapacityResult
from analysis.model import Verdict


def search_verdict(found: CapacityResult | None) -> Verdict | None:
    """Missed if a rate was missed, undecided if one stayed undecided. None if a rate is sustained (then its
    trial has the verdict), or if the bench failed in every trial.
    """
    if found is None or found.sustained_per_s is not None:
        return None
    verdicts = {each.verdict for each in found.trials}
    if "missed" in verdicts:
        return "missed"
    return "undecided" if "undecided" in verdicts else None


def telling_trial(found: CapacityResult) -> int | None:
    """The position of the trial that shows this verdict: the lowest missed rate, else the last undecided."""
    missed = [(each.rate_per_s, at) for at, each in enumerate(found.trials) if each.verdict == "missed"]
    undecided = [at for at, each in enumerate(found.trials) if each.verdict == "undecided"]
    if missed:
        return min(missed)[1]
    return undecided[-1] if undecided else None
