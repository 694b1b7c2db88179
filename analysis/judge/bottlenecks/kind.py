"""A kind of bottleneck: its strength in each window, and its description."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from analysis.arrays import Bools, Floats
from analysis.findings import BottleneckKind, BottleneckSign
from analysis.judge.bottlenecks.view import View


class Description(NamedTuple):
    """The bottleneck in one sentence; the evidence, sentences with numbers; the facts that decide the advice.

    ``refusal`` is the provider's reason if it refused the messages permanently. ``subject``: the faults or
    carriers that the text names. ``counts``: the evidence with the counts of messages that were not taken.
    """

    text: str
    evidence: tuple[str, ...]
    signs: tuple[BottleneckSign, ...] = ()
    refusal: str = ""
    subject: str = ""
    counts: str = ""


@dataclass(frozen=True)
class KindFinding:
    """``strength`` is 0 to 1 in each window; ``describe`` gets the windows in which the kind is seen."""

    strength: Floats
    describe: Callable[[Bools], Description]


@dataclass(frozen=True)
class Kind:
    """``explains``: kinds that are consequences of this one.

    They are not named in windows in which it is seen.
    """

    kind: BottleneckKind
    find: Callable[[View], KindFinding]
    explains: frozenset[BottleneckKind] = frozenset()


def strength(where: Bools, values: npt.ArrayLike = 1.0) -> Floats:
    """``values`` in the windows ``where``, 0 elsewhere."""
    return np.where(where, np.clip(values, 0.0, 1.0), 0.0)


def over(values: Floats, limit: float) -> Bools:
    """Whether a window's value is above the limit; NaN is not."""
    return np.nan_to_num(values, nan=-np.inf) > limit


def typical(values: Floats, windows: Bools) -> float:
    """The median over these windows; NaN if none has a value."""
    chosen = values[windows & ~np.isnan(values)]
    return float(np.median(chosen)) if len(chosen) else float("nan")


def most_frequent(names: Sequence[str], windows: Bools) -> str:
    chosen = [name for name, in_window in zip(names, windows.tolist(), strict=True) if in_window and name]
    return max(chosen, key=chosen.count) if chosen else ""
