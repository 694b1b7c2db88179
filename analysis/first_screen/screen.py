"""The first screen of a report: a pure function."""

from __future__ import annotations

import msgspec

from analysis.first_screen import verdict
from analysis.first_screen.advice import faulty
from analysis.first_screen.below_questions import below_questions
from analysis.first_screen.causes import causes, undecided_advice
from analysis.first_screen.no_rate import unknown_capacity
from analysis.first_screen.questions import answers
from analysis.first_screen.quoting import Quote
from analysis.first_screen.rules import contradictions
from analysis.first_screen.values import FirstScreen, Sentence, Word, as_text
from analysis.first_screen.wording import about_line, trusted
from analysis.model import RunReport

_DEFECT = "this report contradicts itself. This is a defect of smsbench: please report it"


def first_screen(report: RunReport) -> FirstScreen:
    """Every figure is quoted from a field of ``report``. If the bench failed, there are no answers,
    except that a capacity search says what is not known.

    If the screen contradicts the tables below it, a note says so: this is a defect of smsbench.
    """
    screen = _screen(report)
    wrong = tuple(f"{_DEFECT}: {text}." for text in contradictions(screen, report))
    return msgspec.structs.replace(screen, notes=(*wrong, *screen.notes)) if wrong else screen


def _screen(report: RunReport) -> FirstScreen:
    quote = Quote(report)
    word, why = verdict.word(report), verdict.why(quote)
    usable = any(trusted(part) and part.accounting.rows for part in report.parts)
    return FirstScreen(
        title=report.title,
        about=about_line(report),
        flags=_flags(report),
        word=word,
        why=why,
        trust=verdict.trust(quote),
        bottleneck=_what_to_do(quote, word, why),
        answers=answers(quote, why) if usable else unknown_capacity(quote) if word == "INVALID" else (),
        asides=below_questions(quote) if usable else (),
        notes=report.notes,
    )


def _what_to_do(quote: Quote, word: Word, why: Sentence) -> tuple[Sentence, ...]:
    """The causes and the advice of a NO. An UNDECIDED with a bottleneck has the advice on it."""
    if word == "NO":
        return causes(quote, why)
    return undecided_advice(quote) if word == "UNDECIDED" else ()


def _flags(report: RunReport) -> tuple[str, ...]:
    """Warnings that come before every figure."""
    listed = (
        ("INCOMPLETE", bool(report.interrupted)),
        ("SIMULATED", report.simulated and all(p.identity.mode == "simulated" for p in report.parts)),
        (_faults_flag(report), report.faults_injected),
    )
    return tuple(flag for flag, shown in listed if shown)


def _faults_flag(report: RunReport) -> str:
    """In how many parts faults were injected, unless in every one: the other figures do not include them."""
    count = sum(faulty(part) for part in report.parts)
    if report.kind != "suite" or count == len(report.parts):
        return "FAULTS INJECTED"
    return "FAULTS INJECTED IN ONE PART" if count == 1 else f"FAULTS INJECTED IN {count} PARTS"


def headline(report: RunReport) -> str:
    """The verdict and why, in one line: for a terminal, and the page's title."""
    return f"{verdict.word(report)}: {as_text(verdict.why(Quote(report)))}"
