"""What pages and files list, compared with the code."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from analysis import frames
from analysis.first_screen.caveats import PLAIN_CHECKS
from loadtests import catalogue
from mock_provider.engine.faults import FAULT_KINDS
from reference_sender.routes import ROUTES

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def first_cells(text: str) -> list[str]:
    """Each code word in the first cell of a row of a table."""
    cells = re.findall(r"^\| ([^|]+) \|", text, re.MULTILINE)
    return [word for cell in cells for word in re.findall(r"`([\w-]+)`", cell)]


def table_cells(page: str, header: str) -> list[str]:
    """The cells of a table of the page below this cell of its header."""
    text = (DOCS / page).read_text(encoding="utf-8")
    (head,) = re.findall(rf"^\|.* {re.escape(header)} \|.*$", text, re.MULTILINE)
    column = head.split("|").index(f" {header} ")
    _, *rows = text.partition(f"{head}\n")[2].partition("\n\n")[0].splitlines()
    return [row.split("|")[column].strip() for row in rows]


def is_named(name: str, cells: list[str]) -> bool:
    """Whether a cell begins with the name, or has code that does."""
    return any(re.search(rf"(^|`){re.escape(name)}(?![\w-])", cell) for cell in cells)


LISTED: list[tuple[str, str, set[str]]] = [
    ("faults.md", "`kind`", set(FAULT_KINDS)),
    ("load.md", "name", set(catalogue.names())),
    ("report.md", "check", set(PLAIN_CHECKS)),
    ("sender.md", "URL", {f"{name}+http" for name in ROUTES}),
]


@pytest.mark.parametrize(("page", "header", "names"), LISTED)
def test_a_page_names_each_value(page: str, header: str, names: set[str]) -> None:
    """A new fault, scenario, check or route has its row."""
    cells = table_cells(page, header)
    assert names
    assert {name for name in names if not is_named(name, cells)} == set()


@pytest.mark.parametrize(("page", "header", "names"), LISTED)
def test_a_missing_row_is_found(page: str, header: str, names: set[str]) -> None:
    """The control: a name that other rows have too, such as ``bench``, is named by its own row only."""
    cells = table_cells(page, header)
    assert {name: sum(is_named(name, [cell]) for cell in cells) for name in names} == dict.fromkeys(names, 1)


def test_the_columns_of_messages_are_those_of_the_page() -> None:
    page = (DOCS / "run-directory.md").read_text(encoding="utf-8")
    table = page.partition("\nColumns of `messages`.")[2].partition("\nTo get the p95")[0]
    found = frames(ROOT / "tests" / "golden" / "run" / "parts" / "01-burst").messages
    assert sorted(first_cells(table)) == sorted(found.columns)


def test_actions_of_continuous_integration_are_pinned() -> None:
    text = "\n".join(path.read_text() for path in (ROOT / ".github" / "workflows").glob("*.yml"))
    used = re.findall(r"uses: (\S+)", text)
    assert used
    assert [each for each in used if not re.search(r"@[0-9a-f]{40}$", each)] == []


def test_the_command_tells_its_version() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "smsbench", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"smsbench {version('smsbench')}\n"


@pytest.mark.parametrize(
    ("message", "is_right"),
    [
        ("Probe: a report that is not confirmed stops the run\n\nIt was a note.\n", True),
        ("Merge branch 'w/a'\n", True),
        ("\n# A template\n\nProbe: a report stops the run\n\nIt was a note.\n", True),
        ("wip\n", False),
        ("wip storms\n", False),
        ("fix: stuff\n", False),
        ("\n", False),
        (f"A subject {'that has no end ' * 9}\n", False),
        ("Probe: a report stops the run\nIt was a note.\n", False),
    ],
)
def test_a_commit_message_that_says_nothing_is_refused(message: str, is_right: bool, tmp_path: Path) -> None:
    file = tmp_path / "COMMIT_EDITMSG"
    file.write_text(message)
    command = [sys.executable, str(ROOT / ".ci" / "check_commit_message.py"), str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is is_right, done.stderr
    assert ("commit message: " in done.stderr) is not is_right
