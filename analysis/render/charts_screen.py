"""The first screen as a picture, for a slide or a message: flags, verdict, why, notes, the five questions."""

from __future__ import annotations

from matplotlib.figure import Figure
from msgspec.structs import replace

from analysis.first_screen.values import AnswerRow, FirstScreen, ScreenAnswer, Word, as_text
from analysis.render.chart_style import GREEN, INK, MUTED, ORANGE, VERMILION
from analysis.render.lines import broken
from analysis.render.markdown import row_text

_COLOURS: dict[Word, str] = {
    "YES": GREEN,
    "NO": VERMILION,
    "UNDECIDED": ORANGE,
    "INVALID": VERMILION,
    "STOPPED": ORANGE,
}
_FLAG = "#8a5a00"  # as on the page: ORANGE is too pale for small letters
_VERDICT_COLOURS = {"met": GREEN, "missed": VERMILION, "undecided": ORANGE}
_WIDTH_IN, _LINE_IN = 8.8, 0.21
# Of the width: where numbers, questions, answers and verdicts begin, and where text ends.
_LEFT, _QUESTION, _SECOND, _VERDICT, _RIGHT = 0.02, 0.041, 0.3, 0.9, 0.98
_GAP = 0.01  # between columns

# Text, x position, size, colour, weight. Several pieces can be on one line.
_Piece = tuple[str, float, float, str, str]


def first_screen_picture(screen: FirstScreen) -> Figure:
    """The figure; its height follows from the lines."""
    lines = _lines(screen)
    height_in = _LINE_IN * (sum(height for height, _ in lines) + 1.5)
    figure = Figure(figsize=(_WIDTH_IN, height_in))
    at_in = height_in - _LINE_IN
    for height, pieces in lines:
        for text, across, size, colour, weight in pieces:
            y = at_in / height_in
            figure.text(across, y, text, fontsize=size, color=colour, fontweight=weight, va="top")
        at_in -= _LINE_IN * height
    return figure


def _lines(screen: FirstScreen) -> list[tuple[float, list[_Piece]]]:
    lines = [(1.15, [line]) for line in _paragraph(screen.title, 11.0, weight="bold")]
    # A flag is never cut: it is a warning that applies to every figure.
    lines += [(1.0, [line]) for line in _paragraph(" · ".join(screen.flags), 9.0, _FLAG, "bold")]
    lines += [(1.0, [line]) for line in _paragraph(screen.about, 8.0, MUTED)]
    lines += [(0.5, []), (1.6, _paragraph(screen.word, 17.0, _COLOURS[screen.word], "bold"))]
    lines += [(1.15, [line]) for line in _paragraph(as_text(screen.why), 11.0, weight="bold")]
    for sentence in (screen.trust, *screen.bottleneck):
        lines += [(1.0, [line]) for line in _paragraph(as_text(sentence), 9.0)]
    for note in screen.notes:
        lines += [(0.2, []), *((0.9, [line]) for line in _paragraph(note, 8.0, MUTED))]
    for number, answer in enumerate(screen.answers, start=1):
        lines += _answer(number, answer)
    return lines


def _paragraph(
    text: str,
    size: float,
    colour: str = INK,
    weight: str = "normal",
    between: tuple[float, float] = (_LEFT, _RIGHT),
) -> list[_Piece]:
    """The lines of a text ``between`` two positions; none of an empty text."""
    left, right = between
    found = broken(text, (right - left) * _WIDTH_IN, size, weight)
    return [(line, left, size, colour, weight) for line in found]


def _answer(number: int, answer: ScreenAnswer) -> list[tuple[float, list[_Piece]]]:
    lines: list[list[_Piece]] = [line for row in answer.rows for line in _row(row)]
    for sentence in answer.sentences:
        lines += [[line] for line in _paragraph(as_text(sentence), 8.0, MUTED, between=(_SECOND, _RIGHT))]
    column = (_QUESTION, _SECOND - _GAP)
    asked = [[line] for line in _paragraph(answer.question, 9.0, weight="bold", between=column)]
    asked += [[line] for line in _paragraph(answer.about, 8.0, MUTED, between=column)]
    asked[0].insert(0, (str(number), _LEFT, 9.0, INK, "bold"))
    height = max(len(asked), len(lines))
    both = zip(_filled(asked, height), _filled(lines, height), strict=True)
    return [(0.5, []), *((1.0, left + right) for left, right in both)]


def _filled(lines: list[list[_Piece]], height: int) -> list[list[_Piece]]:
    return lines + [[]] * (height - len(lines))


def _row(row: AnswerRow) -> list[list[_Piece]]:
    text = row_text(replace(row, verdict=None))
    right = _RIGHT if row.verdict is None else _VERDICT - _GAP
    lines = [[line] for line in _paragraph(text, 9.0, between=(_SECOND, right))]
    if row.verdict is not None:
        colour = _VERDICT_COLOURS.get(row.verdict.text, INK)
        lines[0].append((row.verdict.text, _VERDICT, 9.0, colour, "bold"))
    return lines
