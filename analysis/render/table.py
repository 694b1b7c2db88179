"""A table of the report, for the page and the Markdown summary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from analysis.first_screen.values import Sentence

# Text, or text with figures that the first screen quotes.
Cell = str | Sentence


@dataclass(frozen=True)
class Column:
    """``shows_state``: a renderer can colour the cells of the column by the state of their row."""

    name: str
    align: Literal["left", "right"] = "left"
    shows_state: bool = False


@dataclass(frozen=True)
class Table:
    """``row_states`` has one word per row (met, missed, warn …), or is empty."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    row_states: tuple[str, ...] = ()


def words_columns(*names: str) -> tuple[Column, ...]:
    """Columns of text."""
    return tuple(Column(name) for name in names)


def figure_columns(*names: str) -> tuple[Column, ...]:
    """Columns of figures: right-aligned."""
    return tuple(Column(name, align="right") for name in names)
