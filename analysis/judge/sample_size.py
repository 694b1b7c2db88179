"""The words about a percentile that has too few messages, or too few independent ones."""

from __future__ import annotations

from collections.abc import Iterable

from analysis.classes import messages_of
from analysis.formatting import count_text, percentile_name, significant
from analysis.model import Objective
from analysis.objectives.grammar import API
from analysis.quantile import Quantile, independent_of, needed


def too_few_for(objectives: Iterable[Objective]) -> str:
    """``too few OTPs for p95: 8 of 72 needed``, of objectives without a value."""
    return "; ".join(_too_few(each, each.quantile) for each in objectives if each.quantile is not None)


def _too_few(objective: Objective, found: Quantile) -> str:
    """If the messages are dependent, a larger number alone does not help, so it is not requested."""
    api = objective.message_class == API
    noun = "answers of the sender" if api else messages_of(objective.message_class)
    counted, name = count_text(objective.count), percentile_name(found.percentile)
    wanted = count_text(needed(found.percentile))
    independent = independent_of(objective.count, found)
    if independent is None:
        return f"too few {noun} for {name}: {counted} of {wanted} needed"
    alike = f"{counted} {noun} have similar times, as in one queue, and {count_as(independent)}"
    return f"{alike}, too few for {name} ({wanted} needed)"


def needs_text(found: Quantile) -> str:
    """``needs 72``, ``needs 72`` and a line with ``independent``: messages for a withheld percentile. A table
    with seven such cells in one line is too wide.
    """
    alone = needed(found.percentile)
    return f"needs {count_text(alone)}" + ("\nindependent" if found.needed > alone else "")


def count_as(independent: float, of: int | None = None) -> str:
    """``count as about 10 independent ones``, rounded as in the check *independence*; not to more than ``of``
    messages.
    """
    if independent < 2.0:
        return "count as hardly more than one"
    more = of is not None and float(f"{independent:.2g}") > of
    return f"count as about {count_text(of) if more and of else significant(independent, 2)} independent ones"
