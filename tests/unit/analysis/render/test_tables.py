"""Columns say how their cells are laid out, on the page and in Markdown."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from made_reports import bottleneck, part, report
from page_reading import rendered


def columns_of(html: str, first: str) -> list[tuple[str, str]]:
    """Names and classes of the columns of the first table that begins with this column."""
    start = html.index(f'<th scope="col">{first}</th>')
    head = html[start : html.index("</thead>", start)]
    return [
        (name, kind) for kind, name in re.findall(r'<th scope="col"(?: class="(\w+)")?>([^<]*)</th>', head)
    ]


def test_figures_are_right_aligned_and_verdicts_are_marked(tmp_path: Path) -> None:
    html, markdown, _ = rendered(report(part()), tmp_path)
    delivery = columns_of(html, "class")
    assert delivery[0] == ("class", "") and delivery[1] == ("messages", "n")
    assert [kind for _, kind in columns_of(html, "objective")] == ["", "", "", "", ""]
    rows = re.findall(r'<tr class="is-met">\s*(.*?)</tr>', html, flags=re.DOTALL)
    assert rows
    marked = [re.findall(r'<td class="state">(.*?)</td>', row) for row in rows]
    assert all(len(cells) == 1 and "met" in cells[0] for cells in marked)
    assert (
        "| objective | limit | measured | verdict | evidence |\n| --- | --- | --- | --- | --- |" in markdown
    )
    assert "|  | messages | of planned | meaning |\n| --- | ---: | ---: | --- |" in markdown


def test_only_a_part_beside_deciding_ones_is_said_not_to_decide(tmp_path: Path) -> None:
    """The one part of a capacity search is marked as one that does not decide, and then decides alone."""
    said = "This part does not decide the verdict, except by lost, duplicate or unaccounted messages."
    counterpart = part("b", mode="simulated", decides_verdict=False, title="in virtual time")
    for text in rendered(report(part("a"), counterpart), tmp_path)[:2]:
        assert text.count(said) == 1
        assert re.search(rf"in virtual time(</span>)?\. {said}", text)
    for text in rendered(report(part("a", decides_verdict=False)), tmp_path)[:2]:
        assert "does not decide" not in text and "does not fail the run" not in text


SHEET = Path(__file__).parents[4] / "analysis" / "render" / "templates" / "report.css"


def test_the_style_sheet_is_in_the_page(tmp_path: Path) -> None:
    html, _, _ = rendered(report(part()), tmp_path)
    style = html[html.index("<style>") : html.index("</style>")]
    assert SHEET.read_text(encoding="utf-8").strip() in style


def repeated_rules(sheet: str) -> list[str]:
    """Rules outside at-rules, which are indented, that the sheet has more than once."""
    found = Counter(re.findall(r"^[^\s@}][^{}]*\{[^{}]*\}", sheet, flags=re.MULTILINE))
    return [rule for rule, count in found.items() if count > 1]


def test_the_style_sheet_has_each_rule_once() -> None:
    assert repeated_rules("td {\n  color: red;\n}\n\n" * 2)
    assert not repeated_rules(SHEET.read_text(encoding="utf-8"))


def test_the_times_of_a_bottleneck_are_those_of_whole_windows(tmp_path: Path) -> None:
    """Its text may name an outage of 2.6 s. The table has the windows of 10 s in which it was seen."""
    away = bottleneck(kind="sender_stopped", text="it could not be reached from 8.55 s to 11.2 s")
    _, markdown, _ = rendered(report(part(bottlenecks=(away,))), tmp_path)
    assert "| bottleneck | evidence | seen in windows from, to | share of the windows |" in markdown
