"""Calls of a command line that ends at once, many for the price of one import.

One process imports the command. Each call is a fork of it, so that no call sees what another has changed. It
has its own arguments, its own exit code and the standard error of a real process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
# The module whose ``main`` is the command, and what it imports when it is called.
_COMMANDS = {
    "smsbench": (
        "loadtests.cli",
        "loadtests.suites.scenario_run",
        "loadtests.simulate.cli",
        "loadtests.calibrate.cli",
        "mock_provider.cli",
        "reference_sender.cli",
    ),
    "mock_provider": ("mock_provider.cli",),
    "reference_sender": ("reference_sender.cli",),
}
# Python warns from 3.12 on if a process with several threads forks. With these, numpy and pyarrow start none.
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
_CALLS = """
import importlib, json, os, sys, tempfile
calls, modules = json.load(sys.stdin)
command, *_ = [importlib.import_module(module) for module in modules]
found = []
for arguments, environment in calls:
    with tempfile.TemporaryFile() as output, open(os.devnull, "wb") as nowhere:
        child = os.fork()
        if child == 0:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(output.fileno(), 2)
            sys.argv = [command.__name__.partition(".")[0], *arguments]
            os.environ.update(environment)
            code = 0
            try:
                command.main()
            except SystemExit as ended:
                code = ended.code
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code or 0)
        _, status = os.waitpid(child, 0)
        output.seek(0)
        found.append((os.waitstatus_to_exitcode(status), output.read().decode()))
print(json.dumps(found))
"""


class CallEnd(NamedTuple):
    code: int
    output: str  # on standard error


def called(
    command: str, calls: Iterable[Sequence[str]], *, environments: Iterable[Mapping[str, str]] | None = None
) -> list[CallEnd]:
    """How each call of ``smsbench``, ``mock_provider`` or ``reference_sender`` ended.

    ``environments`` are the variables that each call has beside those of this process; none by default.
    """
    arguments = [list(call) for call in calls]
    variables = [{}] * len(arguments) if environments is None else [dict(each) for each in environments]
    asked = [list(zip(arguments, variables, strict=True)), _COMMANDS[command]]
    done = subprocess.run(
        [sys.executable, "-c", _CALLS],
        cwd=ROOT,
        env=os.environ | _ONE_THREAD,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return [CallEnd(code, output) for code, output in json.loads(done.stdout)]
