"""The report, in a browser: it stands alone, and its first screen says yes or no and why."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from watched_page import Watched

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "reports" / "sample" / "report" / "index.html"
QUESTIONS = (
    "How many messages per second are possible?",
    "Is ten times the traffic possible?",
    "How fast do messages arrive?",
)


@pytest.fixture(params=["the committed sample", "a run of this code"])
def report(request: pytest.FixtureRequest) -> Path:
    return SAMPLE if request.param == "the committed sample" else request.getfixturevalue("run_of_this_code")


@pytest.fixture(scope="module")
def run_of_this_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report") / "run"
    done = subprocess.run(
        [sys.executable, "-m", "smsbench", "simulate", "smoke", "--out", str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return out / "report" / "index.html"


def test_a_report_opens_without_network_and_answers_on_its_first_screen(
    watched: Watched, report: Path
) -> None:
    page = watched.page
    page.goto(report.as_uri())
    assert watched.errors == []
    assert all(url.startswith(("file:", "data:")) for url in watched.requested)
    for question in QUESTIONS:
        place = page.get_by_text(question).first.bounding_box()
        assert place is not None and place["y"] < 900, f"{question} is not on the first screen"
    # Nothing runs out of the page's width, at a desk and on a phone.
    for width in (1200, 420):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    charts = page.locator("figure img, figure svg")
    assert charts.count() >= 4
    for chart in charts.all():
        box = chart.bounding_box()
        assert box is not None and box["height"] > 50


# Of the first screen: the number of texts, the lowest contrast of one with its background (WCAG 2.1), and it.
_LOWEST_CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const over = colours => {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const luminance = rgb => {
    const [r, g, b] = rgb.map(each => each / 255).map(
      each => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  let lowest = [99, ""];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let seen = 0;
  while (texts.nextNode()) {
    const parent = texts.currentNode.parentElement, box = parent.getBoundingClientRect();
    if (!texts.currentNode.data.trim() || !box.height || box.top >= 900) continue;
    seen += 1;
    const grounds = [];
    for (let each = parent; each; each = each.parentElement) {
      grounds.unshift(getComputedStyle(each).backgroundColor);
    }
    const ground = ["Canvas", ...grounds], text = [...ground, getComputedStyle(parent).color];
    const [low, high] = [luminance(over(ground)), luminance(over(text))].sort((a, b) => a - b);
    const contrast = (high + 0.05) / (low + 0.05);
    if (contrast < lowest[0]) lowest = [contrast, texts.currentNode.data.trim()];
  }
  return [seen, ...lowest];
}"""


def test_the_first_screen_can_be_read_in_light_and_dark(watched: Watched, report: Path) -> None:
    page, grounds = watched.page, set()
    page.set_viewport_size({"width": 1200, "height": 900})
    page.goto(report.as_uri())
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        seen, contrast, text = page.evaluate(_LOWEST_CONTRAST)
        assert seen > 20
        assert contrast >= 4.5, (scheme, text)
    assert len(grounds) == 2, "light and dark"


_LINES = """cells => cells.map(cell => {
  const range = document.createRange();
  range.selectNodeContents(cell);
  return [cell.textContent, new Set([...range.getClientRects()].map(box => box.top)).size];
})"""


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("report", ["a run of this code"], indirect=True)
def test_tables_keep_a_number_with_its_unit_and_rows_low(watched: Watched, report: Path, width: int) -> None:
    page = watched.page
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(report.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    short = [each for each in page.locator("td").evaluate_all(_LINES) if 0 < len(each[0]) <= 10]
    assert len(short) > 50
    assert [text for text, lines in short if lines > 1] == []
    rows = page.locator("tbody tr")
    assert max(rows.evaluate_all("rows => rows.map(row => row.getBoundingClientRect().height)")) < 170


@pytest.mark.parametrize("sample", ["sample", "sample-naive"])
def test_no_table_is_wider_than_its_box_at_a_desk(watched: Watched, tmp_path: Path, sample: str) -> None:
    """The tables of a real bench, with the style sheet of this code. A comparison has eleven columns."""
    text = (ROOT / "reports" / sample / "report" / "index.html").read_text(encoding="utf-8")
    before, style, rest = text.partition("<style>")
    css = (ROOT / "analysis" / "render" / "templates" / "report.css").read_text(encoding="utf-8")
    page_file = tmp_path / "index.html"
    page_file.write_text(f"{before}{style}{css}</style>{rest.partition('</style>')[2]}", encoding="utf-8")
    page = watched.page
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(page_file.as_uri())
    boxes = page.locator(".scroll")
    assert boxes.count() > 10
    widths = boxes.evaluate_all(
        "all => all.map(each => [each.querySelector('th').textContent, each.scrollWidth, each.clientWidth])"
    )
    assert [each for each in widths if each[1] > each[2]] == []


@pytest.mark.parametrize("report", ["a run of this code"], indirect=True)
def test_words_on_charts_are_readable_on_a_phone(watched: Watched, report: Path) -> None:
    page = watched.page
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(report.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    heights = page.locator("figure svg text").evaluate_all(
        "all => all.map(each => each.getBBox().height"
        " * each.ownerSVGElement.getBoundingClientRect().width / each.ownerSVGElement.viewBox.baseVal.width)"
    )
    assert len(heights) > 50
    assert min(heights) > 8  # px
