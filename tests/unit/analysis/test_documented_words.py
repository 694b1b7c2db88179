"""docs/report.md quotes the report: what it has in italics is in the report's texts, letter by letter."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "report.md"
_ITALICS = re.compile(r"(?<![*\w`])\*([^*\n`|]+(?:\n[^*\n`|]+)?)\*(?![*\w])")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
# The page explains them; they are no quotes.
TERMS = {"coordinated omission", "fall behind", "headline", "headroom probe"}


def quoted(page: str) -> list[str]:
    """The passages in italics."""
    return [" ".join(found[1].split()) for found in _ITALICS.finditer(page)]


def fragments(passage: str) -> list[str]:
    """The passage without its numbers: ``95 % within 8.1 s`` has ``% within``. Units alone say nothing."""
    found = [each.strip() for each in _NUMBER.split(passage)]
    return [each for each in found if len(each) > 1]


@cache
def texts() -> str:
    """Every text of the package's modules and templates, in lower case; no docstrings."""
    found = [path.read_text(encoding="utf-8") for path in (ROOT / "analysis").rglob("*.j2")]
    for path in sorted((ROOT / "analysis").rglob("*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        docstrings = {id(each.value) for each in nodes if isinstance(each, ast.Expr)}
        found += [
            each.value
            for each in nodes
            if isinstance(each, ast.Constant) and isinstance(each.value, str) and id(each) not in docstrings
        ]
    return "\n".join(found).lower()


@pytest.mark.parametrize("passage", sorted(set(quoted(PAGE.read_text(encoding="utf-8"))) - TERMS))
def test_what_the_page_quotes_is_what_the_report_says(passage: str) -> None:
    missing = [each for each in fragments(passage) if each.lower() not in texts()]
    assert not missing, f"docs/report.md quotes {passage!r}, and no text of analysis/ has {missing}"


def test_passages_of_the_page_are_found() -> None:
    assert quoted("As *no difference\nshown*, **bold** and `a*b*c` say.") == ["no difference shown"]
    assert fragments("95 % within 8.1 s") == ["% within"]
    assert len(quoted(PAGE.read_text(encoding="utf-8"))) > 30
