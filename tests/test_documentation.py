"""The documentation is true where a program can tell: links, commands, options, scenarios and profiles."""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import pyarrow as pa
import pytest
import typer
from docstrings import docstrings

from analysis.capacity_record import CapacityResult
from analysis.exit_codes import ExitCode
from analysis.model import Accounting
from analysis.records import (
    LOAD_SCHEMA,
    PROVIDER_SCHEMA,
    SENDER_SCHEMA,
    AnalysisResult,
    Manifest,
    RecordedScenario,
    Steady,
    Timing,
)
from loadtests import catalogue
from loadtests.cli import FORWARDED, app
from mock_provider.profiles import profile_names
from reference_sender.api.intake import Invalid, read_defaults
from smsbench.own_modules import OWN_PACKAGES

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
PACKAGES = (
    "analysis",
    "loadtests",
    "mock_provider",
    "page_parts",
    "user_input",
    "arrow_columns",
    "reference_sender",
    "smsbench",
    "benchmarks",
)
# Commands whose options another package reads.
MODULES = {name: module for name, module, _ in FORWARDED}
# Where a reader looks for the options of a command.
REFERENCE = {
    "run": "load.md",
    "report": "report.md",
    "simulate": "simulate.md",
    "calibrate": "calibrate.md",
    "capacity": "capacity.md",
    "storm": "storms.md",
    "provider": "provider.md",
    "sender": "sender.md",
}
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
SHOWN = re.compile(r"^(?:\$ )?(smsbench [a-z].*)$", re.MULTILINE)
INLINE = re.compile(r"`(smsbench [a-z][^`]*)`")
CAMPAIGN_QUERY = re.compile(r"/v1/campaigns\?([^\s\"'`]+)")


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
    found: Any  # typer has a click of its own inside, whose classes it does not show
    if command in MODULES:
        single = typer.Typer(add_completion=False)
        single.command(command)(getattr(import_module(MODULES[command]), command))
        found = typer.main.get_command(single)
    else:
        group: Any = typer.main.get_command(app)
        found = group.commands[command]
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
def test_links_have_a_target(page: Path) -> None:
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


def test_the_sender_takes_the_queries_of_campaigns() -> None:
    queries = CAMPAIGN_QUERY.findall((ROOT / "docs/sender.md").read_text(encoding="utf-8"))
    assert queries
    for query in queries:
        read_defaults(dict(parse_qsl(query, strict_parsing=True)), strict=False)
    with pytest.raises(Invalid):
        read_defaults({"class": "marketing"}, strict=False)


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


def closed_layers() -> dict[str, list[set[str]]]:
    """The layers of each package whose contract names every module of it."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    return {
        each["containers"][0]: [set(layer.split(" | ")) for layer in each["layers"]]
        for each in contracts["contracts"]
        if each.get("exhaustive")
    }


@pytest.mark.parametrize(
    ("package", "heading"),
    [
        ("mock_provider", "### Rooms of the provider"),
        ("reference_sender", "## The rooms of the sender"),
        ("analysis", "## The rooms of the analysis"),
        ("loadtests", "## The rooms of loadtests"),
        ("smsbench", "### Modules of smsbench"),
        ("user_input", "### Modules of user_input"),
    ],
)
def test_rooms_of_a_package_are_those_of_its_contract(package: str, heading: str) -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").partition(f"\n{heading}\n")[2]
    table = re.split(r"^#+ ", text, maxsplit=1, flags=re.MULTILINE)[0]
    rows = re.findall(r"^\| ((?:`\w+/?`(?:, )?)+) \|", table, re.MULTILINE)
    assert [set(re.findall(r"\w+", row)) for row in rows] == closed_layers()[package]


def test_every_package_with_rooms_has_a_closed_contract() -> None:
    several = {name for name in OWN_PACKAGES if len(list((ROOT / name).glob("*.py"))) > 1}
    assert set(closed_layers()) == several


def section(page: str, heading: str) -> str:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.split(r"^## ", text.partition(f"\n## {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def columns(text: str) -> Iterator[tuple[str, str]]:
    """Name and type of each column in a table of columns."""
    for names, kind in re.findall(
        r"^\| ((?:`\w+`(?:, )?)+) \| (string|bool|int32|int64|float64) \|", text, re.MULTILINE
    ):
        yield from ((name, kind) for name in re.findall(r"`(\w+)`", names))


@pytest.mark.parametrize(
    ("heading", "schema"),
    [
        ("load.arrow", LOAD_SCHEMA),
        ("provider.arrow", PROVIDER_SCHEMA),
        ("sender.arrow (optional)", SENDER_SCHEMA),
    ],
)
def test_documented_columns_are_those_of_the_schema(heading: str, schema: pa.Schema) -> None:
    kinds = {"double": "float64"}
    actual = [(field.name, kinds.get(str(field.type), str(field.type))) for field in schema]
    assert list(columns(section("run-directory.md", heading))) == actual


def test_the_counts_of_messages_whose_way_is_not_clear_are_explained() -> None:
    table = section("run-directory.md", "sender.arrow (optional)").partition("| count |")[2]
    listed = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert {"unaccounted", "still_held", "without_key", "given_up", "to_repeat"} == set(listed)
    assert set(listed) <= set(Accounting.__struct_fields__)
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    for name in listed:
        assert f"\n| {name.replace('_', ' ')} | " in glossary


@pytest.mark.parametrize(
    ("page", "heading", "prefix", "record"),
    [
        ("run-directory.md", "run.json", "", Manifest),
        ("run-directory.md", "run.json", "scenario", RecordedScenario),
        ("run-directory.md", "run.json", "timing", Timing),
        ("run-directory.md", "capacity.json", "", CapacityResult),
        ("report.md", "result.json", "", AnalysisResult),
        ("report.md", "result.json", "steady", Steady),
    ],
)
def test_documented_fields_are_those_of_the_record(
    page: str, heading: str, prefix: str, record: type[msgspec.Struct]
) -> None:
    cells = re.findall(r"^\| (`.*?`) \|", section(page, heading), re.MULTILINE)
    named = {name for cell in cells for name in re.findall(r"`([\w.]+)(?:\[\])?`", cell)}
    nested = {name for name in named if "." in name}
    if prefix:  # `scenario.name`, `.title`
        found = {name.removeprefix(f"{prefix}.") for name in nested if name.startswith(f"{prefix}.")}
        found |= {name.removeprefix(".") for name in nested if name.startswith(".") and prefix == "scenario"}
    else:
        found = (named - nested) | {name.partition(".")[0] for name in nested if name[0] != "."}
    assert found == set(record.__struct_fields__)


def test_exit_codes_are_in_the_tables_of_the_commands_that_judge() -> None:
    codes = set(ExitCode)
    for page in ("report.md", "load.md"):
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        table = text.partition("| exit code | meaning |\n")[2].partition("\n\n")[0]
        cells = re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE)
        assert codes <= {int(code) for cell in cells for code in cell.split(",")}
    line = (ROOT / "README.md").read_text(encoding="utf-8").partition("Exit codes of")[2].partition("\n\n")[0]
    assert codes <= {int(code) for code in re.findall(r"\b\d+\b", line)}


# What is named and not in the repository: what a run or a tool makes, files of users and of other projects.
MADE = re.compile(
    r"^(?:reports/runs|parts|trials|report|logs|\.venv|RUN_DIR|\.sdk)(?:/|$)|node_modules|^(?:locust|queue)\.py$"
)
NAMED = re.compile(r"(?<![\w`])`{1,2}([A-Za-z_.][\w.*-]*(?:/[\w.*-]+)*/?)`{1,2}(?!`)")
ENDINGS = (".py", ".md", ".js", ".j2", ".css", ".yml", "/")


@cache
def repository() -> tuple[set[str], set[str]]:
    """Paths of the repository's files and folders, and each path's endings."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = set(listed.split("\n"))
    paths |= {f"{parent}/" for path in paths for parent in Path(path).parents if str(parent) != "."}
    return paths, {path[at + 1 :] for path in paths for at, letter in enumerate(path[:-1]) if letter == "/"}


def missing_paths(text: str) -> list[str]:
    """Paths in backticks that do not exist, either from the root or as the end of a path."""
    paths, endings = repository()
    named = {each for each in NAMED.findall(text) if each.endswith(ENDINGS) and not MADE.match(each)}
    return sorted(each for each in named if "*" not in each and each not in paths and each not in endings)


def test_paths_in_pages_exist() -> None:
    missing = {page.name: missing_paths(FENCE.sub("", page.read_text(encoding="utf-8"))) for page in PAGES}
    missing.pop("CHANGELOG.md")  # it names what was
    assert not {name: found for name, found in missing.items() if found}


def trailing_whitespace(path: Path) -> list[int]:
    """Numbers of the lines that end with a space or a tab. A file with NUL is not text."""
    content = path.read_bytes()
    if b"\0" in content:
        return []
    lines = content.split(b"\n")
    return [number for number, line in enumerate(lines, 1) if line.endswith((b" ", b"\t"))]


def test_no_text_file_has_trailing_whitespace() -> None:
    files = [path for each in repository()[0] if (path := ROOT / each).is_file()]
    found = {str(path.relative_to(ROOT)): trailing_whitespace(path) for path in files}
    assert len(found) > 1
    assert not {name: lines for name, lines in found.items() if lines}


def test_trailing_whitespace_is_found(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_bytes(b"a\nb \n\nc\t\n d")
    assert trailing_whitespace(path) == [2, 4]
    path.write_bytes(b"\0a \n")
    assert not trailing_whitespace(path)


@pytest.mark.parametrize("package", PACKAGES)
def test_paths_in_docstrings_exist(package: str) -> None:
    found = {path: missing_paths(docstrings(path)) for path in (ROOT / package).rglob("*.py")}
    assert found
    assert not {str(path.relative_to(ROOT)): paths for path, paths in found.items() if paths}


def test_a_missing_path_is_found() -> None:
    text = "See `mock_provider/nowhere.py`, ``engine.py``, `docs/` and ``reports/runs/x/``."
    assert missing_paths(text) == ["mock_provider/nowhere.py"]


def test_the_readme_lists_every_page() -> None:
    listed = (ROOT / "README.md").read_text(encoding="utf-8").partition("All pages:")[2]
    linked = {link.partition("#")[0] for link in LINK.findall(listed)}
    pages = {page.relative_to(ROOT).as_posix() for page in PAGES if page.parent.name == "docs"}
    assert pages - linked == {"docs/README.md"}  # it is named before the list
