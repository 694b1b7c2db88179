"""Exit codes of the commands that judge: run, simulate, report, calibrate, capacity (docs/report.md)."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    MET = 0  # every objective is met
    MISSED = 1  # an objective, or in ``calibrate`` a tolerance
    USAGE = 2
    INVALID = 3  # the bench itself failed: the figures do not describe the target
    UNDECIDED = 4  # no objective is missed, at least one is undecided; 0 with --allow-undecided
    CRASHED = 70  # smsbench itself failed; EX_SOFTWARE of sysexits.h
    # The user ended the run before it was complete. This replaces 0, 1, 3 and 4, since a part of a run does
    # not describe the whole. 128 + SIGINT, as in shells.
    INTERRUPTED = 130
