"""What a first screen says, as plain text."""

from __future__ import annotations

from analysis.first_screen.screen import first_screen
from analysis.first_screen.values import FirstScreen, as_text
from analysis.model import RunReport
from analysis.render.markdown import row_text


def answer_text(found: RunReport | FirstScreen, name: str) -> str:
    """The lines of one answer (rate, ten_times, delivery, seen, wrong), one below the other."""
    screen = found if isinstance(found, FirstScreen) else first_screen(found)
    (answer,) = [each for each in screen.answers if each.name == name]
    return "\n".join([*map(row_text, answer.rows), *map(as_text, answer.sentences)])


def aside_text(found: RunReport | FirstScreen, name: str) -> str:
    """The sentences of one line below the questions; "" where it is not there."""
    screen = found if isinstance(found, FirstScreen) else first_screen(found)
    return " ".join(as_text(each) for one in screen.asides if one.name == name for each in one.sentences)
