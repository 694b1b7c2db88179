"""Makes Python find the modules of this repository.

Python looks for modules in the current directory (``python -m``) and in ``PYTHONPATH`` before its own
library. A user's ``queue.py``, ``locust.py`` or package ``analysis`` there would replace the intended module.
The console command imports this file. A child process starts with it, by its path
(``python -P own_modules.py MODULE ARGUMENT...``).
"""

from __future__ import annotations

# Both are loaded before any code of this repository runs. Other modules are imported after the path is set.
import os
import sys

OWN_PACKAGES = (
    "analysis",
    "arrow_columns",
    "loadtests",
    "mock_provider",
    "page_parts",
    "reference_sender",
    "smsbench",
    "user_input",
)
# Variables that a parent sets for child processes. The child removes them from its environment.
LATER_PATH = "SMSBENCH_LATER_PATH"  # directories that are searched last
LIFELINE = "SMSBENCH_LIFELINE"  # file descriptor of a pipe whose other end the parent holds open

_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def later_path() -> list[str]:
    """The directories of ``PYTHONPATH``. They may hold a library that we need, so they are searched last."""
    if sys.flags.ignore_environment:
        return []
    entries = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return [os.path.abspath(entry) for entry in entries if entry]


def set_path(later: list[str]) -> None:
    """Find our packages next to this file, even if others have the same names. The current directory and
    the command's directory are not searched; ``later`` is searched last.
    """
    if not sys.flags.safe_path and sys.path and _is_where_we_were_called(sys.path[0]):
        del sys.path[0]
    sys.path[:] = [entry for entry in sys.path if entry and os.path.abspath(entry) not in later] + later

    from importlib.machinery import ModuleSpec, PathFinder

    class OwnPackages:
        """A finder of the import system that knows our packages alone."""

        @staticmethod
        def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
            return PathFinder.find_spec(name, [_ROOT]) if path is None and name in OWN_PACKAGES else None

    sys.meta_path.insert(0, OwnPackages)


def _is_where_we_were_called(entry: str) -> bool:
    """Whether Python has put it first on the path: the current directory, or the script's."""
    script = os.path.dirname(os.path.realpath(sys.argv[0]))
    try:
        return os.path.realpath(entry) in (script, os.path.realpath(os.getcwd()))
    except FileNotFoundError:  # the current directory has been removed
        return True


def _child() -> None:
    """Run a module as Python's ``-m`` does, until it ends or the parent process ends."""
    later = os.environ.pop(LATER_PATH, "")
    set_path([entry for entry in later.split(os.pathsep) if entry])
    lifeline = os.environ.pop(LIFELINE, "")
    if lifeline:
        from smsbench.lifeline import end_with

        end_with(int(lifeline))
    import runpy

    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _child()
