"""What runs a script of tests/wire/node in Node.js."""

from __future__ import annotations

from typing import Any, Protocol


class RunNode(Protocol):
    def __call__(self, script: str, *arguments: str) -> Any:
        """What the script printed, read as JSON."""
