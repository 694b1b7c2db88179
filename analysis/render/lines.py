"""Lines of text for a picture, broken by the width of the letters as they are drawn.

A number of characters does not say how wide a text is: capitals take up to twice the width of small letters.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from analysis.render.plain_matplotlib import own_settings  # isort: skip  # before matplotlib
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

_POINTS_PER_IN = 72.0
_UNITS = frozenset(("%", "µs", "ms", "s", "min", "h", "million"))
# The picture's letters are aligned to its pixels, which makes a line slightly wider than it is computed here.
_ALIGNED = 1.03


def text_width_in(text: str, size: float, weight: str) -> float:
    """The width of a text in inches; ``size`` in points."""
    return _ALIGNED * sum(_letter_width_in(letter, size, weight) for letter in text)


def broken(text: str, width_in: float, size: float, weight: str) -> list[str]:
    """The lines of a text. A word that is wider than a line is broken; a number keeps its unit."""
    lines: list[str] = []
    line = ""
    for word in _with_units(text.split()):
        longer = f"{line} {word}" if line else word
        if text_width_in(longer, size, weight) <= width_in:
            line = longer
            continue
        if line:
            lines.append(line)
        *whole, line = _pieces(word, width_in, size, weight)
        lines += whole
    return [*lines, line] if line else lines


def _with_units(words: Iterable[str]) -> list[str]:
    """The words, with a unit after a number as one word: ``12.0 s.``."""
    found: list[str] = []
    for word in words:
        if found and found[-1][-1:].isdigit() and word.rstrip(".,;:)") in _UNITS:
            found[-1] += f" {word}"
        else:
            found.append(word)
    return found


def _pieces(word: str, width_in: float, size: float, weight: str) -> list[str]:
    pieces = [""]
    for letter in word:
        if pieces[-1] and text_width_in(pieces[-1] + letter, size, weight) > width_in:
            pieces.append("")
        pieces[-1] += letter
    return pieces


@lru_cache(maxsize=4096)
def _letter_width_in(letter: str, size: float, weight: str) -> float:
    with own_settings({}):
        font = FontProperties(family="DejaVu Sans", size=size, weight=weight)
        # With a mark on both sides, since a space alone has no width.
        around, _, _ = text_to_path.get_text_width_height_descent(f"|{letter}|", font, ismath=False)
        marks, _, _ = text_to_path.get_text_width_height_descent("||", font, ismath=False)
    return float(around - marks) / _POINTS_PER_IN
