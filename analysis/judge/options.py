"""Options of smsbench in advice texts: only those that the command of the run has.

An advice text names an option in brackets at the words that it belongs to: ``add workers (--workers)``. Other
commands are written out: ``smsbench report DIR --export csv``.
"""

from __future__ import annotations

import re
from typing import Literal

from analysis.records import Manifest

MadeBy = Literal["run", "simulate", "capacity"]
_SEARCH = "capacity"  # name of the scenario of a search's trials
# Of each command, the options that an advice text may name. Tests check it against the commands.
OPTIONS: dict[MadeBy, frozenset[str]] = {
    "run": frozenset(("--drain-timeout", "--ui", "--workers")),
    "simulate": frozenset(("--scale",)),
    "capacity": frozenset(("--workers",)),
}
IN_BRACKETS = re.compile(r" \((--[a-z-]+)[^)]*\)")


def command_of(manifest: Manifest) -> MadeBy:
    """The command that made the run. A simulated part of a suite takes no option of a live one either."""
    if manifest.mode == "simulated":
        return "simulate"
    return "capacity" if manifest.scenario.name == _SEARCH else "run"


def for_command(advice: str, command: MadeBy, cut_short: bool = False) -> str:
    """The advice without the options that the command does not have.

    ``cut_short``: the user ended the run or its wait, so a longer limit of the wait changes nothing. That may
    be intended, as with Stop in the web UI.
    """
    if cut_short:
        advice = advice.replace("(--drain-timeout)", "(the run was ended early)")
    return IN_BRACKETS.sub(lambda found: found[0] if found[1] in OPTIONS[command] else "", advice)


def has_longer_wait(command: MadeBy) -> bool:
    """Whether its wait after the load can be made longer."""
    return "--drain-timeout" in OPTIONS[command]
