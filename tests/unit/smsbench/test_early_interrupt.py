"""Ctrl-C while the command starts: one line and the exit code 130, at every moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

# The import of one module never ends. It says so, and waits for the signal. With ``wraps`` it answers the
# signal with an error of its own, as a compiled library may.
_SCRIPT = """
import sys, time

class Slow:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == {slow!r}:
            try:
                print("importing", flush=True)
                time.sleep(60)
            except KeyboardInterrupt:
                if not {wraps}:
                    raise
                raise ImportError("cannot be imported")

sys.meta_path.insert(0, Slow)
sys.argv = ["smsbench", "list"]
from smsbench.launch import main
main()
"""
_BETWEEN = """
import sys, time, typer.main

def slow(*arguments):
    print("importing", flush=True)
    time.sleep(60)

typer.main.get_command = slow
sys.argv = ["smsbench", "list"]
from smsbench.launch import main
main()
"""

_BEFORE_THE_PATH = """
import sys, time, smsbench.own_modules as own

def slow():
    print("importing", flush=True)
    time.sleep(60)

own.later_path = slow
sys.argv = ["smsbench", "list"]
from smsbench.launch import main
main()
"""


def interrupted(script: str) -> tuple[int, str]:
    """Exit code and standard error after a SIGINT in the slow import."""
    with subprocess.Popen(
        [sys.executable, "-c", script],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A parent in the background may ignore the signal, and its children would too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "importing\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        return process.returncode, errors


@pytest.mark.parametrize("wraps", [False, True])
@pytest.mark.parametrize(
    "slow",
    [
        "smsbench.output",  # the first module after the path is set
        "loadtests.cli",
        "typer",  # a library of the command line
        "analysis.exit_codes",
        "loadtests.catalogue",  # imported by the command itself
    ],
)
def test_ctrl_c_during_an_import(slow: str, wraps: bool) -> None:
    script = _SCRIPT.format(slow=slow, wraps=wraps)
    assert interrupted(script) == (130, "smsbench: interrupted\n")


@pytest.mark.parametrize("script", [_BEFORE_THE_PATH, _BETWEEN], ids=["before the path", "after"])
def test_ctrl_c_before_the_imports_and_after_them(script: str) -> None:
    assert interrupted(script) == (130, "smsbench: interrupted\n")


def test_ctrl_c_during_an_import_of_the_analysis() -> None:
    main = "from smsbench.launch import main\nmain()"
    script = _SCRIPT.format(slow="analysis.cli", wraps=False)
    assert main in script
    script = script.replace(main, "import runpy\nrunpy.run_module('analysis', run_name='__main__')")
    assert interrupted(script) == (130, "interrupted before the report was complete\n")


def test_a_command_that_was_started_without_ctrl_c_ignores_it() -> None:
    """A shell starts its background commands so."""
    script = (
        "import os, signal, sys, smsbench.output as output; settle = output.replace_output\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "output.replace_output = lambda: (os.kill(os.getpid(), signal.SIGINT), settle())\n"
        "sys.argv = ['smsbench', '--version']\n"
        "from smsbench.launch import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
