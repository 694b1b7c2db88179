"""The checked settings of a run."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from analysis.objectives.defaults import DEFAULT_OBJECTIVES
from loadtests.targets import Target

PROBE_TIMEOUT_S = 4.0


class RunSettings(Struct, frozen=True, kw_only=True):
    """``profile`` and ``drain_timeout_s`` replace those of the scenario for every part.

    ``objectives`` are the objectives that apply, in the grammar of docs/objectives.md.
    """

    out: Path = Path()  # the present directory, until ``checked_settings`` has made one
    seed: int
    target_file: Path | None = None
    target: Target | None = None
    profile: str | None = None
    scale_provider: bool = False
    workers: int = 1
    drain_timeout_s: float | None = None
    keep_store: bool = False
    ui: bool = False
    objectives: tuple[str, ...] = DEFAULT_OBJECTIVES
    allow_undecided: bool = False
    no_charts: bool = False
    probe: bool = True  # one message through the target before the load
    probe_timeout_s: float = PROBE_TIMEOUT_S  # also the time limit for a sender to listen
