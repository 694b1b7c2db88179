"""Runs a script of this folder in Node.js, with the official JavaScript clients beside it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from node_scripts import RunNode

HERE = Path(__file__).parent
DEADLINE_S = 60.0


@pytest.fixture(scope="session")
def node() -> str:
    """The path of Node.js. Where it or a client is missing: skip, or fail if SMSBENCH_REQUIRE_NODE is set."""
    path = shutil.which("node")
    if path is not None and (HERE / "node_modules").is_dir():
        return path
    missing = "Node.js is not installed" if path is None else "run `make node-clients` first"
    if os.environ.get("SMSBENCH_REQUIRE_NODE"):
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.fixture(scope="session")
def run_node(node: str) -> RunNode:
    """Run ``script`` (a file name of this folder) with arguments; return what it printed, read as JSON."""

    def run(script: str, *arguments: str) -> Any:
        done = subprocess.run(
            [node, str(HERE / script), *arguments],
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run
