"""Checks the layout: who imports whom, cores without I/O, sizes of modules and functions."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from smsbench.own_modules import OWN_PACKAGES

ROOT = Path(__file__).parent.parent
PACKAGES = OWN_PACKAGES
CORES = (
    "mock_provider/engine",
    "reference_sender/dispatch",
    "reference_sender/alerts",
    "reference_sender/node",
    "loadtests/arrivals",
    "reference_sender/policy",
)
PURE = (
    *("loadtests/capacity/search.py", "loadtests/capacity/bracket.py"),
    *(f"reference_sender/dashboard/{name}.py" for name in ("board", "progress", "tables", "values")),
)
MODULE_LINES = 400
FUNCTION_LINES = 60
# What would give a core a clock, a loop, a socket, a log or chance of its own.
FORBIDDEN_IN_A_CORE = {
    "time",
    "datetime",
    "asyncio",
    "socket",
    "threading",
    "logging",
    "random",
    "gevent",
    "aiohttp",
}


def modules(*roots: str) -> list[Path]:
    return sorted(path for root in roots for path in (ROOT / root).rglob("*.py"))


def imported_names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of what it does: a command's options and the words that explain them are not counted."""
    first = function.body[1 if ast.get_docstring(function) and len(function.body) > 1 else 0]
    return (function.end_lineno or first.lineno) - first.lineno + 1


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def test_imports_are_not_circular() -> None:
    """Imports for the type checker count too."""
    paths = {name_of(path): path for path in modules(*PACKAGES)}
    imports = {}
    for name, path in paths.items():
        taken = set(imported_names(ast.parse(path.read_text())))
        imports[name] = {each if each in paths else each.rpartition(".")[0] for each in taken} & paths.keys()
    TopologicalSorter({name: taken - {name} for name, taken in imports.items()}).prepare()


def test_import_contracts_hold() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "path", [*modules(*CORES), *(ROOT / name for name in PURE)], ids=lambda path: str(path.relative_to(ROOT))
)
def test_core_has_no_clock_loop_socket_or_random_numbers(path: Path) -> None:
    tree = ast.parse(path.read_text())
    taken = {name.split(".")[0] for name in imported_names(tree)}
    # Opening hours are local times: the policy converts given instants, and never asks for the present one.
    asked = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    allowed = {"datetime"} if "policy" in path.parts and not asked & {"now", "utcnow", "today"} else set()
    assert not taken & FORBIDDEN_IN_A_CORE - allowed


def test_loadtests_imports_what_the_page_says_of_analysis() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    (item,) = (item for item in page.split("\n- ") if item.startswith("`loadtests` simulates"))
    documented = set(re.findall(r"`(analysis\.[a-z_.]+)`", item))
    taken = {
        name
        for path in modules("loadtests")
        for name in imported_names(ast.parse(path.read_text()))
        if name.split(".")[0] == "analysis"
    }
    allowed = {
        *("analysis.records", "analysis.exit_codes", "analysis.render.plain_matplotlib"),
        *("analysis.objectives.grammar", "analysis.objectives.defaults", "analysis.objectives.final_verdict"),
        *("analysis.capacity_record", "analysis.measure.dependence", "analysis.refusals"),
        "analysis.measure.ratio",
    }
    used = {next((one for one in allowed if f"{name}.".startswith(f"{one}.")), name) for name in taken}
    assert used == allowed == documented


def assigned_attributes(tree: ast.Module, name: str) -> list[int]:
    """The lines that assign or delete an attribute of this name, with a statement or by its name as text."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr == name and not isinstance(node.ctx, ast.Load))
        or (
            isinstance(node, ast.Call)
            and ast.unparse(node.func).rpartition(".")[2] in {"setattr", "force_setattr", "__setattr__"}
            and any(isinstance(arg, ast.Constant) and arg.value == name for arg in node.args)
        )
    ]


def test_one_line_assigns_the_stage_of_a_message() -> None:
    found = {path: assigned_attributes(ast.parse(path.read_text()), "stage") for path in modules(*PACKAGES)}
    counts = {name_of(path): len(lines) for path, lines in found.items() if lines}
    assert counts == {"mock_provider.engine.lifecycle": 1}


@pytest.mark.parametrize(
    ("line", "assigns"),
    [
        ("message.stage = ENDED", True),
        ("a.b.stage, n = ENDED, 1", True),
        ("message.stage += 1", True),
        ("setattr(message, 'stage', ENDED)", True),
        ("msgspec.structs.force_setattr(message, 'stage', ENDED)", True),
        ("if message.stage == ENDED: stage = message.stage", False),
        ("getattr(message, 'stage', None)", False),
    ],
)
def test_an_assigned_attribute_is_found(line: str, assigns: bool) -> None:
    assert bool(assigned_attributes(ast.parse(line), "stage")) is assigns


@pytest.mark.parametrize("path", modules(*PACKAGES), ids=lambda path: str(path.relative_to(ROOT)))
def test_sizes(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= MODULE_LINES, f"{path} holds more than one idea"
    long = {
        f"{node.name} ({body_lines(node)} lines)"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and body_lines(node) > FUNCTION_LINES
    }
    assert not long


def test_files_of_tests_and_benchmarks_have_one_subject_each() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in modules("tests", "benchmarks", ".ci")}
    assert not [f"{path}: {lines} lines" for path, lines in lengths.items() if lines > MODULE_LINES]


def test_no_room_without_a_name() -> None:
    nameless = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert not [path for path in modules(*PACKAGES, "tests") if nameless & {path.stem, path.parent.name}]


def tracked_files() -> list[Path]:
    """Those that are here; skips the test outside a git checkout."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("not a git checkout: the list of committed files is unknown")
    return [path for name in filter(None, listed.stdout.split("\0")) if (path := ROOT / name).is_file()]


def test_no_path_of_a_machine_and_no_package_index_in_any_file() -> None:
    needles = (
        str(ROOT) + "/",
        str(Path.home()) + "/",
        "pypi" + ".org",
        "pythonhosted" + ".org",
        "--index-" + "url",
    )
    found = []
    for path in tracked_files():
        if path.suffix in {".png", ".arrow"}:
            continue
        text = path.read_text(errors="replace")
        found += [f"{path.relative_to(ROOT)}: {needle}" for needle in needles if needle in text]
    assert not found


_LINE_OF_A_TYPE = re.compile(r"^\s*class\s+(\w+)|^(_?[A-Z]\w*[a-z]\w*)\s*(?::[^=\n]*)?=(?!=)", re.MULTILINE)
_TYPE_NAME = re.compile(r"_?[A-Z]\w*[a-z]\w*")
# The cores of provider and sender have a union of effects each, in the same meaning (docs/glossary.md).
OF_EACH_CORE = {"Effect"}


def type_aliases(tree: ast.Module) -> Iterator[str]:
    """Names at module level that mean a type: ``Name = A | B``, ``Name = Literal[...]`` and the like."""
    for node in tree.body:
        names: list[ast.expr] = []
        if isinstance(node, ast.Assign) and is_type(node.value):
            names = node.targets
        elif isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation).endswith("TypeAlias"):
            names = [node.target]
        for each in names:
            if isinstance(each, ast.Name) and _TYPE_NAME.fullmatch(each.id):
                yield each.id


def is_type(value: ast.expr) -> bool:
    """Whether ``value``, assigned to a name that is written as a type's, is a type."""
    if isinstance(value, ast.Call):
        return ast.unparse(value.func).endswith("NewType")
    return isinstance(value, ast.Subscript | ast.BinOp | ast.Name | ast.Attribute)


def beside_public(names: Iterable[str]) -> set[str]:
    """Private names whose public form is there too."""
    known = set(names)
    return {name for name in known if name.startswith("_") and name[1:] in known}


def defined_twice(paths: list[Path]) -> set[str]:
    """Names that more than one class or type alias has, and ``_Name`` beside ``Name`` in one file. Only files
    with a name that may be such a one are parsed.
    """
    texts = {path: path.read_text() for path in paths}
    lines = {path: [a or b for a, b in _LINE_OF_A_TYPE.findall(text)] for path, text in texts.items()}
    seen = Counter(name for names in lines.values() for name in names)
    found, beside = Counter[str](), set[str]()
    for path, names in lines.items():
        if beside_public(names) or any(seen[name] > 1 for name in names):
            tree = ast.parse(texts[path])
            own = [node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
            own += type_aliases(tree)
            found.update(own)
            beside |= beside_public(own)
    return {name for name, count in found.items() if count > 1} | beside


def test_a_class_name_means_one_thing_in_the_whole_repository() -> None:
    found = defined_twice([path for path in tracked_files() if path.suffix == ".py"])
    assert found <= OF_EACH_CORE


def test_a_class_name_that_occurs_twice_is_found(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("class Reply: ...\nclass Other: ...\nclass _Own: ...")
    (tmp_path / "two.py").write_text("class _Own: ...\ndef f():\n    class Reply: ...")
    assert defined_twice(sorted(tmp_path.glob("*.py"))) == {"Reply", "_Own"}


def test_a_type_alias_with_the_name_of_another_type_is_found(tmp_path: Path) -> None:
    one = (
        "class A1a: ...\nB2b = int | str\nC3c = Literal['x']\nD4d: TypeAlias = 'A1a'\nE5e = Any\nF6f = m.Some"
    )
    two = "A1a = tuple[int, str]\nclass B2b: ...\nC3c = Callable[..., None]\nD4d = NewType('D4d', int)"
    rest = "E5e = int\nF6f = m.Other\nclass _Level: ...\nLevel = int | None"
    constants = "T = TypeVar('T')\nText = 'x'\nLIMIT = {'a': 1}['a']\nMade = f()"
    (tmp_path / "one.py").write_text(f"{one}\n{constants}")
    (tmp_path / "two.py").write_text(f"{two}\n{rest}\n{constants}")
    expected = {"A1a", "B2b", "C3c", "D4d", "E5e", "F6f", "_Level"}
    assert defined_twice(sorted(tmp_path.glob("*.py"))) == expected


def never_read(tree: ast.Module) -> set[str]:
    """Private attributes of objects that the module assigns, and reads nowhere."""
    attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    read = {node.attr for node in attributes if isinstance(node.ctx, ast.Load)}
    stored = {node.attr for node in attributes if isinstance(node.ctx, ast.Store)}
    return {name for name in stored - read if name.startswith("_")}


def test_every_private_attribute_is_read() -> None:
    found = {path: never_read(ast.parse(path.read_text())) for path in modules(*PACKAGES)}
    assert not {str(path): names for path, names in found.items() if names}


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("self._loop = loop", {"_loop"}),
        ("self._setup = setup = listener.setup()", {"_setup"}),
        ("self._a, self._b = 1, 2; print(self._a)", {"_b"}),
        ("self._count = 0; self._count += 1", {"_count"}),
        ("self._loop = loop; self._loop.stop()", set()),
        ("self.loop = loop", set()),
    ],
)
def test_a_private_attribute_that_is_never_read_is_found(line: str, found: set[str]) -> None:
    assert never_read(ast.parse(line)) == found


_PRIVATE = re.compile(r"(?:^|\.)_[a-z]\w*$", re.IGNORECASE)
_BY_NAME = {"getattr", "setattr", "delattr", "hasattr"}


def private_names(tree: ast.Module) -> Iterator[str]:
    """Private names that are imported, patched or read by a string. The linter (SLF001) finds attributes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names if _PRIVATE.search(alias.name))
        elif isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in _BY_NAME:
                names = (arg.value for arg in node.args if isinstance(arg, ast.Constant))
                yield from (name for name in names if isinstance(name, str) and _PRIVATE.search(name))


def test_tests_and_benchmarks_use_public_names() -> None:
    found = {
        path: list(private_names(ast.parse(path.read_text()))) for path in modules("tests", "benchmarks")
    }
    assert not {path: names for path, names in found.items() if names}


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("from analysis.part import _checks, Part", ["_checks"]),
        ("patch.setattr(PartRun, '_drain', None)", ["_drain"]),
        ("patch.setattr('analysis.part._checks', None)", ["analysis.part._checks"]),
        ("getattr(engine, '_profile')", ["_profile"]),
        ("getattr(engine, 'profile', '_')", []),
        ("from msgspec import __version__", []),
    ],
)
def test_a_private_name_is_found(line: str, found: list[str]) -> None:
    assert list(private_names(ast.parse(line))) == found


def patched_paths(tree: ast.Module) -> Iterator[str]:
    """Paths as text of what is patched. A tool that renames a module does not see them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            first = node.args[0] if node.args else None
            if node.func.attr in ("setattr", "delattr") and isinstance(first, ast.Constant):
                yield str(first.value)


def test_tests_patch_no_path_as_text() -> None:
    found = {path: list(patched_paths(ast.parse(path.read_text()))) for path in modules("tests")}
    assert not {path: names for path, names in found.items() if names}


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("patch.setattr('analysis.part.checks', None)", ["analysis.part.checks"]),
        ("patch.setattr(part, 'checks', None)", []),
    ],
)
def test_a_path_as_text_is_found(line: str, found: list[str]) -> None:
    assert list(patched_paths(ast.parse(line))) == found


def test_every_room_of_a_protocol_is_in_the_contract_that_keeps_them_apart() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    (apart,) = [each for each in contracts["contracts"] if each["name"].startswith("The protocols of the")]
    rooms = (ROOT / "mock_provider" / "protocols").glob("*/__init__.py")
    assert sorted(apart["modules"]) == sorted(f"mock_provider.protocols.{each.parent.name}" for each in rooms)
