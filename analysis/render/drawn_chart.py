"""The result of drawing a chart. A module of its own, since matplotlib takes a second to load."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DrawnChart:
    """A chart in both forms, or why it was not drawn (``why`` set, ``svg`` and ``file`` empty)."""

    name: str
    title: str
    caption: str
    part: str
    file: str
    svg: str
    why: str
