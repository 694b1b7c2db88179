"""The console command ``smsbench``."""

from __future__ import annotations

import os
import sys

# Other modules are imported after the path is set.
from smsbench.own_modules import later_path, set_path

_INTERRUPTED = 130
_WORDS = "smsbench: interrupted"
# Settings of other tools that can stop a library in this process.
_NOT_OURS = ("MPLBACKEND", "MATPLOTLIBRC")


def main() -> None:
    """Run the command. Exits 70 with the traceback if it cannot even be imported."""
    # Built in: no module of the current directory can take its place, so it goes before the path. It is not
    # in mypy's library.
    import _signal as signal  # type: ignore[import-not-found]

    # Nothing runs yet that has to be ended in order. A library that is being imported may turn a
    # KeyboardInterrupt into an error of its own.
    usual = signal.getsignal(signal.SIGINT)
    if usual is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)
    set_path(later_path())
    from smsbench.output import replace_output

    replace_output()
    for name in _NOT_OURS:
        os.environ.pop(name, None)
    try:
        from loadtests.cli import main as command
    except Exception:
        # Python would exit with 1, which here means a missed objective.
        import traceback

        traceback.print_exc()
        sys.exit(os.EX_SOFTWARE)
    try:
        signal.signal(signal.SIGINT, usual)
        command()
    except KeyboardInterrupt:
        print(_WORDS, file=sys.stderr)
        sys.exit(_INTERRUPTED)


def _end(_number: int, _frame: object) -> None:
    try:
        os.write(2, f"{_WORDS}\n".encode())
    finally:
        os._exit(_INTERRUPTED)
