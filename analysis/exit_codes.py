"""Exit codes of the commands that judge: run, simulate, report, calibrate (docs/report.md)."""

from __future__ import annotations

EXIT_HELD = 0
EXIT_MISSED = 1  # an objective, or in ``calibrate`` a tolerance
EXIT_USAGE = 2
EXIT_INVALID = 3  # nothing is proven: the figures are not the system's, or not one could be judged
EXIT_CRASHED = 70  # smsbench itself failed; EX_SOFTWARE of sysexits.h
# The work is not complete: it was ended by the user. It goes before 0, 1 and 3, whatever the part that was
# done shows. 128 + SIGINT, as shells have it.
EXIT_INTERRUPTED = 130
