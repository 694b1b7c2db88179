"""The documentation is true where a program can tell: links, commands, options, scenarios and profiles."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
import typer

from loadtests.cli import app
from loadtests.scenarios import catalogue
from mock_provider.profiles import profile_names

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
PACKAGES = ("analysis", "loadtests", "mock_provider", "reference_sender", "smsbench", "benchmarks")
# Commands whose options another package reads.
FORWARDED = {
    "provider": "mock_provider.cli",
    "sender": "reference_sender.cli",
    "simulate": "loadtests.simulate.cli",
    "calibrate": "loadtests.calibrate.cli",
    "capacity": "loadtests.capacity.cli",
}
# Where a reader looks for the options of a command.
REFERENCE = {
    "run": "load.md",
    "report": "report.md",
    "simulate": "simulate.md",
    "calibrate": "calibrate.md",
    "capacity": "capacity.md",
    "provider": "provider.md",
    "sender": "sender.md",
}
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
SHOWN = re.compile(r"^(?:\$ )?(smsbench [a-z].*)$", re.MULTILINE)
INLINE = re.compile(r"`(smsbench [a-z][^`]*)`")


def anchors(page: Path) -> set[str]:
    """The anchors that a forge makes of a page's headings."""
    headings = HEADING.findall(FENCE.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", each.strip().lower()).replace(" ", "-") for each in headings}


def broken_links(page: Path) -> Iterator[str]:
    for link in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield link


@cache
def options(command: str) -> dict[str, bool]:
    """Each option of a command, and whether a value follows it."""
    if command in FORWARDED:
        single = typer.Typer(add_completion=False)
        single.command(command)(getattr(import_module(FORWARDED[command]), command))
        found = typer.main.get_command(single)
    else:
        found = typer.main.get_command(app).commands[command]
    return {
        name: not (each.is_flag or each.count)
        for each in found.params
        if each.param_type_name == "option"
        for name in (*each.opts, *each.secondary_opts)
    }


def commands(page: Path) -> Iterator[list[str]]:
    """The words after ``smsbench`` of each command that a page shows, without its remark."""
    text = page.read_text(encoding="utf-8").replace("\\\n", "")
    shown = [line for block in FENCE.findall(text) for line in SHOWN.findall(block)]
    for line in (*shown, *INLINE.findall(FENCE.sub("", text))):
        yield shlex.split(re.split(r"\s{2,}|\s#|\s&$", line)[0])[1:]


def untrue(words: list[str]) -> Iterator[str]:
    command, *rest = words
    if command not in REFERENCE and command != "list":
        yield f"no command {command}"
        return
    known = options(command)
    places: list[str] = []
    following = iter(rest)
    for word in following:
        name, _, value = word.partition("=")
        if not word.startswith("-"):
            places.append(word)
        elif name not in known:
            yield f"{command} has no {name}"
        elif known[name]:
            value = value or next(following, "")
            if value.startswith("examples/") and not (ROOT / value).is_file():
                yield f"no file {value}"
            if name == "--profile" and re.fullmatch(r"[a-z-]+", value) and value not in profile_names():
                yield f"no profile {value}"
    if command in ("run", "simulate") and places and re.fullmatch(r"[a-z0-9-]+", places[0]):
        try:
            catalogue.scenario(places[0])
        except ValueError:
            yield f"no scenario {places[0]}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    assert not list(broken_links(page))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_exist_with_their_options(page: Path) -> None:
    assert not [f"{' '.join(words)}: {each}" for words in commands(page) for each in untrue(words)]


def test_there_are_commands_to_check() -> None:
    shown = {words[0] for page in PAGES for words in commands(page)}
    assert {"run", "simulate", "report", "calibrate", "capacity", "provider", "sender"} <= shown


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ("run smok", "no scenario smok"),
        ("run smoke --drain 3", "run has no --drain"),
        ("simulate burst --profile smsap", "no profile smsap"),
        ("walk smoke", "no command walk"),
        ("run smoke --target examples/x.toml", "no file examples/x.toml"),
    ],
)
def test_an_untrue_command_is_found(words: str, fault: str) -> None:
    assert list(untrue(words.split())) == [fault]


@pytest.mark.parametrize("command", REFERENCE)
def test_every_option_is_on_the_page_of_its_command(command: str) -> None:
    text = (ROOT / "docs" / REFERENCE[command]).read_text(encoding="utf-8")
    missing = [name for name in options(command) if not re.search(rf"{re.escape(name)}\b", text)]
    assert not missing


def test_modules_that_name_a_page_name_one_that_exists() -> None:
    named = {
        (path.relative_to(ROOT), page)
        for package in (
            "analysis",
            "loadtests",
            "mock_provider",
            "reference_sender",
            "smsbench",
            "benchmarks",
        )
        for path in (ROOT / package).rglob("*.py")
        for page in re.findall(r"docs/[a-z-]+\.md", path.read_text(encoding="utf-8"))
    }
    assert named
    assert not [f"{path}: {page}" for path, page in named if not (ROOT / page).is_file()]
