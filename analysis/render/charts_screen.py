"""The first screen as a picture, for a slide or a message: verdict, why, the five questions."""

from __future__ import annotations

import textwrap

from matplotlib.figure import Figure

from analysis.first_screen.values import AnswerRow, FirstScreen, ScreenAnswer, Word, words
from analysis.render.chart_style import GREEN, INK, MUTED, ORANGE, VERMILION

_COLOURS: dict[Word, str] = {
    "YES": GREEN,
    "NO": VERMILION,
    "UNDECIDED": ORANGE,
    "INVALID": VERMILION,
    "STOPPED": ORANGE,
}
_VERDICT_COLOURS = {"met": GREEN, "missed": VERMILION, "undecided": ORANGE}
_WIDTH_IN, _LINE_IN = 8.8, 0.21
_LEFT, _QUESTION, _SECOND = 0.02, 0.041, 0.3  # of the width: where numbers, questions and answers begin
_CHARS, _ANSWER_CHARS, _WHY_CHARS = 118, 84, 84
_QUESTION_CHARS, _ROW_CHARS = 26, 86  # a row ends before its verdict

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
    flags = "".join(f"  {flag}" for flag in screen.flags)
    lines: list[tuple[float, list[_Piece]]] = [
        (1.3, [(f"{screen.title}{flags}", _LEFT, 11.0, INK, "bold")]),
        *((1.0, [(line, _LEFT, 8.0, MUTED, "normal")]) for line in _wrapped(screen.about, _CHARS)),
        (0.5, []),
    ]
    lines.append((1.6, [(screen.word, _LEFT, 17.0, _COLOURS[screen.word], "bold")]))
    lines += [(1.15, [(line, _LEFT, 11.0, INK, "bold")]) for line in _wrapped(words(screen.why), _WHY_CHARS)]
    for sentence in (screen.trust, *screen.bottleneck):
        lines += [(1.0, [(line, _LEFT, 9.0, INK, "normal")]) for line in _wrapped(words(sentence), _CHARS)]
    for number, answer in enumerate(screen.answers, start=1):
        lines += _answer(number, answer)
    return lines


def _answer(number: int, answer: ScreenAnswer) -> list[tuple[float, list[_Piece]]]:
    lines: list[list[_Piece]] = [line for row in answer.rows for line in _row(row)]
    for sentence in answer.sentences[:2]:
        wrapped = _wrapped(words(sentence), _ANSWER_CHARS)
        lines += [[(line, _SECOND, 8.0, MUTED, "normal")] for line in wrapped]
    asked: list[list[_Piece]] = [
        [(line, _QUESTION, 9.0, INK, "bold")] for line in _wrapped(answer.question, _QUESTION_CHARS)
    ]
    asked[0].insert(0, (str(number), _LEFT, 9.0, INK, "bold"))
    height = max(len(asked), len(lines))
    both = zip(_filled(asked, height), _filled(lines, height), strict=True)
    return [(0.5, []), *((1.0, left + right) for left, right in both)]


def _filled(lines: list[list[_Piece]], height: int) -> list[list[_Piece]]:
    return lines + [[]] * (height - len(lines))


def _row(row: AnswerRow) -> list[list[_Piece]]:
    label = f"{row.label}: " if row.label else ""
    rest = "  ".join(words(each) for each in (row.interval, row.limit) if each)
    text = f"{label}{words(row.value)}  {rest}"
    lines: list[list[_Piece]] = [
        [(line, _SECOND, 9.0, INK, "normal")] for line in textwrap.wrap(text, _ROW_CHARS)
    ]
    if row.verdict is not None:
        colour = _VERDICT_COLOURS.get(row.verdict.text, INK)
        lines[0].append((row.verdict.text, 0.9, 9.0, colour, "bold"))
    return lines


def _wrapped(text: str, chars: int) -> list[str]:
    return textwrap.wrap(text, chars)
