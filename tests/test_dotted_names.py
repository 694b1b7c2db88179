"""Docstrings name modules, classes and their members that exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from docstrings import docstrings

from smsbench.own_modules import OWN_PACKAGES

ROOT = Path(__file__).parent.parent
PACKAGES = (*OWN_PACKAGES, "benchmarks")

# ``loadtests.parts.adjusted`` and ``Gate.release``; no names of files, which another test checks.
_NAME = re.compile(r"``([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+)``")
_FILE = re.compile(r"\.(?:py|md|json|toml|arrow|html|csv|xml|do)$")


def _bound(target: ast.expr) -> set[str]:
    """Names and attributes that an assignment to ``target`` binds."""
    named = {each.id for each in ast.walk(target) if isinstance(each, ast.Name)}
    return named | {each.attr for each in ast.walk(target) if isinstance(each, ast.Attribute)}


def _defined(nodes: Iterator[ast.AST]) -> set[str]:
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found.update(*map(_bound, node.targets))
        elif isinstance(node, ast.AnnAssign):
            found |= _bound(node.target)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {each.asname or each.name for each in node.names}
    return found


@cache
def _modules() -> dict[str, set[str]]:
    """The names that each module of the packages defines or imports."""
    found = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = _defined(iter(ast.parse(path.read_text(encoding="utf-8")).body))
    return found


@cache
def _classes() -> dict[str, set[str]]:
    """The members of each class, with those of its bases."""
    own: dict[str, set[str]] = {}
    bases: dict[str, set[str]] = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef):
                    own.setdefault(node.name, set()).update(_defined(ast.walk(node)))
                    bases.setdefault(node.name, set()).update(*map(_bound, node.bases))
    return {
        name: members.union(*(own.get(base, ()) for base in bases[name])) for name, members in own.items()
    }


def _ends_with(name: str) -> list[str]:
    """The modules whose dotted path is ``name`` or ends with it."""
    return [each for each in _modules() if each == name or each.endswith(f".{name}")]


def _is_missing(name: str) -> bool:
    """Whether ``name`` looks like one of this repository and does not exist in it.

    A name such as ``request.text`` may be an attribute of a variable, so it is not checked. It is checked if
    it begins with a package, a class or several parts of a module's path, or ends with a class or a module.
    """
    first, *rest = name.split(".")
    if _FILE.search(name) or _ends_with(name):
        return False
    if first in _classes():
        return rest[0] not in _classes()[first]
    for count in range(len(rest), 0, -1):
        modules = _ends_with(".".join((first, *rest)[:count]))
        if modules and (count > 1 or rest[0][0].isupper()):
            return not any(rest[count - 1] in _modules()[each] for each in modules)
    return first in PACKAGES or any(each.endswith(f".{rest[-1]}") for each in _modules())


def missing_names(text: str) -> list[str]:
    return sorted({name for name in _NAME.findall(text) if _is_missing(name)})


@pytest.mark.parametrize("package", PACKAGES)
def test_dotted_names_in_docstrings_exist(package: str) -> None:
    found = {path: missing_names(docstrings(path)) for path in (ROOT / package).rglob("*.py")}
    assert found
    assert not {str(Path(path).relative_to(ROOT)): names for path, names in found.items() if names}


@pytest.mark.parametrize(
    ("name", "is_missing"),
    [
        ("loadtests.core_time", False),
        ("engine.engine.Engine", False),
        ("Gate.release", False),
        ("Store.commit", False),  # of a base
        ("records.Manifest", False),
        ("msgspec.ValidationError", False),
        ("request.text", False),
        ("summary.json", False),
        ("running.core_time", True),
        ("loadtests.parts.adapted", True),
        ("engine.engine.Motor", True),
        ("Gate.let_go", True),
        ("records.Scenario", True),
    ],
)
def test_a_missing_name_is_found(name: str, is_missing: bool) -> None:
    assert missing_names(f"See ``{name}``.") == ([name] if is_missing else [])
