"""The picture of the first screen: no text covers another or leaves the picture."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest
from made_benches import failing, limited, searched_low, suite
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from msgspec.structs import replace

from analysis.first_screen.screen import first_screen
from analysis.first_screen.values import FirstScreen, as_text
from analysis.model import RunReport
from analysis.render.chart_style import PNG_DPI, styled
from analysis.render.charts_screen import first_screen_picture
from analysis.render.lines import broken


def collisions(figure: Figure) -> list[str]:
    """Texts that cover the next text on their line, or leave the picture."""
    canvas = FigureCanvasAgg(figure)
    lines = defaultdict(list)
    for text in figure.texts:
        lines[round(text.get_position()[1], 6)].append((text.get_window_extent(canvas.get_renderer()), text))
    found = []
    for line in lines.values():
        line.sort(key=lambda placed: placed[0].x0)
        found += [text.get_text() for extent, text in line if extent.x1 > figure.bbox.width]
        found += [a.get_text() for (left, a), (right, _) in pairwise(line) if left.x1 > right.x0]
    return found


@pytest.mark.parametrize("report", [suite(), failing(), limited(), searched_low()])
def test_no_text_covers_another(report: RunReport) -> None:
    assert not collisions(first_screen_picture(first_screen(report)))


def crowded() -> FirstScreen:
    """A screen with a long title, every flag, and long capitals without a space."""
    screen = first_screen(suite())
    return replace(
        screen,
        title="DAYS OF 5K TO 500K, 500K AND 5 MILLION A DAY AT THEIR PEAK, A BURST, CAMPAIGNS AND CAPACITY",
        about=f"30 Nov 2026 · {'W' * 130}",
        flags=("INCOMPLETE", "SIMULATED", "FAULTS INJECTED IN 12 PARTS"),
        why=(
            "MY-SENDER-WITH-A-VERY-LONG-NAME SUSTAINS 500,000 SMS A DAY, AND 5 MILLION, WITH EVERYTHING MET.",
        ),
        trust=(f"Valid, with warnings. {'WIDE LETTERS ' * 20}",),
        notes=("9 OF 12 PARTS ARE SIMULATED: VIRTUAL TIME, WITHOUT SOCKETS AND PROCESSES. " * 3,),
        answers=tuple(
            replace(
                each,
                question=each.question.upper(),
                sentences=((f"{'ABCDEFGHIJKLMNOPQRSTUVWXYZ' * 5} AND SOME MORE",),),
                rows=tuple(replace(row, label=f"PROFILE {'M' * 60}") for row in each.rows),
            )
            for each in screen.answers
        ),
    )


@pytest.mark.parametrize("dpi", [72, PNG_DPI, 300])
def test_long_and_wide_texts_stay_in_the_picture(dpi: int) -> None:
    with styled():
        figure = first_screen_picture(crowded())
    figure.set_dpi(dpi)
    assert not collisions(figure)


def test_the_picture_has_every_flag_note_and_sentence() -> None:
    screen = crowded()
    figure = first_screen_picture(screen)
    shown = "".join("".join(text.get_text().split()) for text in figure.texts)
    answers = [text for each in screen.answers for text in (each.about, *map(as_text, each.sentences))]
    for text in (*screen.flags, *screen.notes, screen.title, screen.about, *answers):
        assert "".join(text.split()) in shown, text


def test_a_number_keeps_its_unit() -> None:
    text = "an ideal sender: 95 % within 12.0 s. Then 3 of 4 more"
    for width_in in np.linspace(0.5, 4.0, 50).tolist():
        lines = broken(text, width_in, 8.0, "normal")
        assert " ".join(lines) == text
        assert not {line.split()[0] for line in lines} & {"%", "s."}


def test_a_text_that_covers_another_is_found() -> None:
    figure = Figure(figsize=(4.0, 1.0))
    figure.text(0.1, 0.5, "a long question")
    figure.text(0.2, 0.5, "answer")
    figure.text(0.9, 0.2, "leaves the picture")
    assert collisions(figure) == ["a long question", "leaves the picture"]
