"""Reads the docstrings of a file."""

from __future__ import annotations

import ast
from pathlib import Path


def docstrings(path: Path) -> str:
    """All docstrings of the file, one after the other."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return "\n".join(ast.get_docstring(node) or "" for node in nodes if isinstance(node, kinds))
