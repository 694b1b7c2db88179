"""A table of the report, for the page and the Markdown summary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from analysis.first_screen.values import Sentence

# Text, or text with figures that the first screen quotes.
Cell = str | Sentence


@dataclass(frozen=True)
class Column:
    """``mark``: a renderer can colour the column's cells by the mark of their row."""

    name: str
    align: Literal["left", "right"] = "left"
    mark: bool = False


@dataclass(frozen=True)
class Table:
    """``marks`` has one word per row (met, missed, warn …), or is empty."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    marks: tuple[str, ...] = ()


def words_columns(*names: str) -> tuple[Column, ...]:
    """Columns of text."""
    return tuple(Column(name) for name in names)


def figure_columns(*names: str) -> tuple[Column, ...]:
    """Columns of figures: right-aligned."""
    return tuple(Column(name, align="right") for name in names)
