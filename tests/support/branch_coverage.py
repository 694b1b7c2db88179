"""The branches of the product that tests take in the processes of pytest, printed at the end of the session.

SlipCover marks the branches of a module at its import, and removes the mark of a branch that was taken, so
that tests keep their pace. Each worker of pytest-xdist marks its own modules and sends what it took to the
process that prints. Child processes that tests start are not counted: ``make coverage`` counts them, with
coverage.py, and takes much longer.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from slipcover import FileMatcher, ImportManager, Slipcover, slipcover

# With this variable the branches are counted. Its value is a file that gets those that no test took.
VARIABLE = "SMSBENCH_BRANCH_COVERAGE"
_OUTPUT = "branches_taken"

if sys.version_info < (3, 12):
    # There SlipCover also marks each line, with a call of its own. Only branches are counted here.
    slipcover.findlinestarts = lambda code: ()
    Slipcover.lines_from_code = staticmethod(lambda code: ())

# A mark is a call of 0.1 microseconds. To remove those of taken branches SlipCover goes through all functions
# of all modules, which takes as long as a million calls: so only a mark that is met this often is removed.
_CALLS_BEFORE_REMOVAL = 5_000

# Its file, the line of the condition, and the line that follows; 0 is the end of the function.
Branch = tuple[str, int, int]


class BranchCoverage:
    """A plugin of pytest. It marks branches from now on: a module that was imported earlier has no marks."""

    def __init__(self, root: Path, packages: Collection[str]) -> None:
        loaded = {name.partition(".")[0] for name in sys.modules}.intersection(packages)
        if loaded:
            raise pytest.UsageError(
                f"branches cannot be marked in what is imported: {', '.join(sorted(loaded))}"
            )
        self._packages = packages
        self._folders = [str(root / package) for package in packages]
        self._slipcover = Slipcover(branch=True, d_miss_threshold=_CALLS_BEFORE_REMOVAL)
        self._taken, self._missed = set[Branch](), set[Branch]()
        self._lost = 0
        sys.meta_path.insert(0, ImportManager(self._slipcover, FileMatcher(sources=self._folders)).mpf)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
        if output is not None:  # of a worker
            output[_OUTPUT] = (
                [list(branches) for branches in self._counted()],
                list(self._slipcover.code_lines),
            )

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        output: dict[str, Any] = getattr(node, "workeroutput", {})
        if _OUTPUT not in output:
            self._lost += 1
            return
        (taken, missed), files = output[_OUTPUT]
        self._taken.update(map(tuple, taken))
        self._missed.update(map(tuple, missed))
        for name in files:  # its branches are known: it need not be read again for the summary
            self._slipcover.code_lines.setdefault(name, set())

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        self._slipcover.source = self._folders  # also the modules that no test imports
        taken, missed = self._counted()
        taken |= self._taken
        missed = (missed | self._missed) - taken
        terminalreporter.section("branches taken, without those in child processes of tests")
        if self._lost:
            terminalreporter.line(f"{self._lost} process(es) of pytest ended without a count")
        for line in summary(self._packages, taken, missed):
            terminalreporter.line(line)
        if place := os.environ.get(VARIABLE):
            lines = [f"{name}:{line} -> {after or 'end'}\n" for name, line, after in sorted(missed)]
            Path(place).write_text("".join(lines))
            terminalreporter.line(f"{place} has the branches that were not taken")

    def _counted(self) -> tuple[set[Branch], set[Branch]]:
        """The branches that this process took, and those of the same modules that it did not take."""
        taken, missed = set[Branch](), set[Branch]()
        for name, of_file in self._slipcover.get_coverage()["files"].items():
            taken.update((name, *branch) for branch in of_file["executed_branches"])
            missed.update((name, *branch) for branch in of_file["missing_branches"])
        return taken, missed


def summary(packages: Iterable[str], taken: set[Branch], missed: set[Branch]) -> Iterator[str]:
    """A line per package, and one for all: branches taken, all branches, and the share in per cent."""
    for package in (*packages, "all"):
        yes, no = (
            sum(package in ("all", name.partition("/")[0]) for name, _, _ in branches)
            for branches in (taken, missed)
        )
        share = f"{yes / (yes + no):.1%}" if yes + no else "-"
        yield f"{package:18} {yes:6,} of {yes + no:6,}  {share:>6}"
