"""The advice of a report names only options that exist, each with its command."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer

from analysis.judge.options import IN_BRACKETS, OPTIONS, MadeBy
from loadtests.cli import FORWARDED, app

ROOT = Path(__file__).parent.parent
MODULES = {name: module for name, module, _ in FORWARDED}


def options(command: str) -> set[str]:
    """The options of a command."""
    group: Any = typer.main.get_command(app)
    found: Any = group.commands[command]
    if command in MODULES:
        single = typer.Typer(add_completion=False)
        single.command(command)(getattr(import_module(MODULES[command]), command))
        found = typer.main.get_command(single)
    return {name for each in found.params for name in each.opts}


def advice_texts() -> list[tuple[str, str]]:
    """The texts of the analysis that name an option, with their module; without the options' declarations."""
    found = []
    for path in sorted((ROOT / "analysis").rglob("*.py")):
        if path.name in ("cli.py", "options.py", "chart_style.py"):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        documents = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and isinstance(node.body[0], ast.Expr)
        }
        found += [
            (str(path.relative_to(ROOT)), node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents
            if re.search(r"(?<![\w-])--[a-z]", node.value)
        ]
    return found


@pytest.mark.parametrize("command", OPTIONS)
def test_advice_may_name_the_options_of_its_command(command: MadeBy) -> None:
    """Of those that the advice names, the command has these and no others."""
    assert OPTIONS[command] == set().union(*OPTIONS.values()) & options(command)


def test_every_option_in_a_text_of_the_analysis_has_its_command() -> None:
    """In brackets it is left out for a command that lacks it; otherwise the command is written before it."""
    # ``wording.command`` adds --target to a command that another text writes out.
    texts = [each for each in advice_texts() if each != ("analysis/first_screen/wording.py", " --target ")]
    assert len(texts) > 5
    wrong = []
    for module, text in texts:
        bracketed = IN_BRACKETS.findall(text)
        rest = IN_BRACKETS.sub("", text)
        named = re.search(r"smsbench ([a-z]+)", rest)
        known = options(named[1]) if named else set()
        wrong += [(module, each) for each in re.findall(r"(?<![\w-])--[a-z-]+", rest) if each not in known]
        wrong += [(module, each) for each in bracketed if each not in set().union(*OPTIONS.values())]
    assert wrong == []
