"""Exit codes of the commands that judge: run, simulate, report, calibrate (docs/report.md)."""

from __future__ import annotations

EXIT_MET = 0  # every objective is met
EXIT_MISSED = 1  # an objective, or in ``calibrate`` a tolerance
EXIT_USAGE = 2
EXIT_INVALID = 3  # the bench itself failed: the figures do not describe the target
EXIT_UNDECIDED = 4  # no objective is missed, at least one is undecided; 0 with --allow-undecided
EXIT_CRASHED = 70  # smsbench itself failed; EX_SOFTWARE of sysexits.h
# Ended by the user before it was complete. It replaces 0, 1, 3 and 4, since a part proves nothing about the
# whole. 128 + SIGINT, as in shells.
EXIT_INTERRUPTED = 130
