"""The picture of the first screen: no text covers another or leaves the picture."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import pytest
from made_benches import failing, limited, searched_low, suite
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from analysis.first_screen.screen import first_screen
from analysis.model import RunReport
from analysis.render.charts_screen import first_screen_picture


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


def test_a_text_that_covers_another_is_found() -> None:
    figure = Figure(figsize=(4.0, 1.0))
    figure.text(0.1, 0.5, "a long question")
    figure.text(0.2, 0.5, "answer")
    figure.text(0.9, 0.2, "leaves the picture")
    assert collisions(figure) == ["a long question", "leaves the picture"]
