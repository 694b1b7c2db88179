"""Exit codes of the commands that judge: run, simulate, report, calibrate, capacity (docs/report.md).

Processes that cannot import this module use the same constants of ``os``, which are those of sysexits.h.
"""

from __future__ import annotations

import os
from enum import IntEnum


class ExitCode(IntEnum):
    MET = 0  # every objective is met
    MISSED = 1  # an objective, or in ``calibrate`` a tolerance
    USAGE = 2
    INVALID = 3  # the bench itself failed: the figures do not describe the target
    UNDECIDED = 4  # no objective is missed, at least one is undecided; 0 with --allow-undecided
    CRASHED = os.EX_SOFTWARE  # 70: smsbench itself failed
    # The user ended the run before it was complete. This replaces 0, 1, 3 and 4, since a part of a run does
    # not describe the whole. 128 + SIGINT, as in shells.
    INTERRUPTED = 130


def by_interrupt(ended: BaseException) -> bool:
    """Whether a Ctrl-C that nothing handled is behind it: the library of the commands ends silently then."""
    found: BaseException | None = ended
    while found is not None and not isinstance(found, KeyboardInterrupt):
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)
    return found is not None
