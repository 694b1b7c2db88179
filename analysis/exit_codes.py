"""Exit codes of the commands that judge: run, simulate, report, calibrate (docs/report.md)."""

from __future__ import annotations

EXIT_HELD = 0
EXIT_MISSED = 1  # an objective, or in ``calibrate`` a tolerance
EXIT_USAGE = 2
EXIT_INVALID = 3  # the run proves nothing: the bench failed, or no figure could be judged
EXIT_CRASHED = 70  # smsbench itself failed; EX_SOFTWARE of sysexits.h
# Ended by the user before it was complete. It replaces 0, 1 and 3, since a part proves nothing about the
# whole. 128 + SIGINT, as in shells.
EXIT_INTERRUPTED = 130
