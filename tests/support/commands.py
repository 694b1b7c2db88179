"""The commands that tests start as processes."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Callable
from typing import Protocol

# ``smsbench`` with these arguments.
StartSmsbench = Callable[..., subprocess.Popen[str]]


class StartLocust(Protocol):
    def __call__(self, *arguments: str, most_bytes: int = resource.RLIM_INFINITY) -> subprocess.Popen[str]:
        """Locust with these arguments. ``most_bytes`` limits each of its files, as a full disk does."""
