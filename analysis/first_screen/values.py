"""The first screen as a plain value: sentences in which every figure has its source.

A sentence is a tuple of words and figures. A figure's ``source`` is the path of a field of the report, in
``summary.json`` and below the first screen alike: ``parts.2.throughput.delivered_best.per_s``.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from analysis.model import AnswerState

Word = Literal["YES", "NO", "UNDECIDED", "INVALID", "STOPPED"]


class Figure(Struct, frozen=True, kw_only=True):
    """One figure, verdict or quoted text. ``number`` is the field's value; it is None for a text.

    ``subject`` names what it describes. Two figures with the same subject must have the same value.
    """

    text: str
    source: str
    number: float | None = None
    unit: str = ""
    subject: str = ""


Sentence = tuple[str | Figure, ...]


class AnswerRow(Struct, frozen=True, kw_only=True):
    """One line of an answer: a figure, its interval, the limit, and the verdict."""

    label: str = ""
    value: Sentence
    interval: Sentence = ()
    limit: Sentence = ()
    verdict: Figure | None = None


class ScreenAnswer(Struct, frozen=True, kw_only=True):
    """The answer to one of the buyer's questions. ``rows`` is empty if the run did not test it."""

    name: str  # rate, ten_times, delivery, seen, wrong
    question: str
    about: str = ""  # the messages that it describes, if not all
    rows: tuple[AnswerRow, ...] = ()
    sentences: tuple[Sentence, ...] = ()
    state: AnswerState = "unknown"


class Aside(Struct, frozen=True, kw_only=True):
    """A line below the five questions: burst, cost, campaigns, questions for the provider."""

    name: str
    label: str
    sentences: tuple[Sentence, ...]


class FirstScreen(Struct, frozen=True, kw_only=True):
    """The whole screen.

    ``about``: date, target, provider's profile, seed. ``flags``: words such as SIMULATED.
    """

    title: str
    about: str
    flags: tuple[str, ...]
    word: Word
    why: Sentence
    trust: Sentence
    bottleneck: tuple[Sentence, ...]  # for a NO: the bottleneck, then what to change
    answers: tuple[ScreenAnswer, ...]
    asides: tuple[Aside, ...]
    notes: tuple[str, ...]


def as_text(sentence: Sentence) -> str:
    """A sentence as plain text."""
    return "".join(piece if isinstance(piece, str) else piece.text for piece in sentence)


def figures(screen: FirstScreen) -> tuple[Figure, ...]:
    """Every figure of the screen, in reading order."""
    rows = [row for answer in screen.answers for row in answer.rows]
    found = [piece for sentence in sentences(screen) for piece in sentence if isinstance(piece, Figure)]
    return (*found, *(row.verdict for row in rows if row.verdict is not None))


def sentences(screen: FirstScreen) -> tuple[Sentence, ...]:
    """Every sentence of the screen."""
    found: list[Sentence] = [screen.why, screen.trust, *screen.bottleneck]
    for answer in screen.answers:
        for row in answer.rows:
            found += [row.value, row.interval, row.limit]
        found += answer.sentences
    for aside in screen.asides:
        found += aside.sentences
    return tuple(sentence for sentence in found if sentence)
