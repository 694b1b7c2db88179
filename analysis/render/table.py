"""A table of the report: header and rows, for the page and the Markdown summary alike."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.first_screen.values import Sentence

# Words, or words with figures that the first screen quotes.
Cell = str | Sentence


@dataclass(frozen=True)
class Table:
    """``marks`` has a word for each row (met, missed, warn …) by which a renderer may colour the cell
    of ``mark_column``.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    marks: tuple[str, ...] = ()
    mark_column: int = 0
    numeric_from: int = 1  # columns from here on hold figures
