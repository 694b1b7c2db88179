"""What a kind of culprit is: how strongly it is seen in each window, and how it is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.arrays import Bools, Floats
from analysis.findings import CulpritKind
from analysis.judge.culprits.view import View

Told = tuple[str, tuple[str, ...]]  # what gave way, in a sentence; the evidence, in sentences with numbers


@dataclass(frozen=True)
class Seen:
    """``strength`` is 0 to 1 in each window; ``tell`` gets the windows that count."""

    strength: Floats
    tell: Callable[[Bools], Told]


@dataclass(frozen=True)
class Kind:
    """``explains``: kinds that follow from this one, so that they are not named where it is seen."""

    kind: CulpritKind
    look: Callable[[View], Seen]
    explains: frozenset[CulpritKind] = frozenset()


def strength(where: Bools, values: npt.ArrayLike = 1.0) -> Floats:
    """``values`` where it is seen, 0 elsewhere."""
    return np.where(where, np.clip(values, 0.0, 1.0), 0.0)


def over(values: Floats, limit: float) -> Bools:
    """Whether a window's value is above the limit; NaN is not."""
    return np.nan_to_num(values, nan=-np.inf) > limit


def typical(values: Floats, windows: Bools) -> float:
    """The median over these windows; NaN where none has a value."""
    chosen = values[windows & ~np.isnan(values)]
    return float(np.median(chosen)) if len(chosen) else float("nan")


def most_frequent(names: Sequence[str], windows: Bools) -> str:
    chosen = [name for name, taken in zip(names, windows.tolist(), strict=True) if taken and name]
    return max(chosen, key=chosen.count) if chosen else ""
