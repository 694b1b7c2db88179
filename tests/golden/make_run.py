"""Writes the run directory of the golden test again: ``python tests/golden/make_run.py``.

The records come from the simulation. The manifests get fixed times and versions, and the first part is
called live, so that the report shows the sections of a live run too.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
from rich.console import Console

from analysis import records
from loadtests.arrivals import Burst, Mix, Poisson, Stream
from loadtests.runner.interruption import Interruption
from loadtests.runner.manifest import instant, write_suite
from loadtests.scenario import Part, Scenario
from loadtests.simulate.part import Choices
from loadtests.simulate.run import simulated_parts

HERE = Path(__file__).parent
RUN = HERE / "run"
SEED = 7
VERSIONS = {"python": "3.11.0", "smsbench": "0.1.0"}
MACHINE = {"system": "Linux", "cores": 2}

BURST = Part(
    slug="burst",
    title="150 marketing messages in 5 s, one-time passwords at the same time",
    role="burst",
    profile=str(HERE / "profile.toml"),
    streams=(
        Stream(Poisson(5.0, 45.0), mix=Mix(otp=1.0)),
        Stream(Burst(150, 5.0), mix=Mix(marketing=1.0), campaign="burst", start_s=20.0),
    ),
    drain_timeout_s=60.0,
    mode="simulated",
)
FIFO = msgspec.structs.replace(BURST, slug="burst-fifo", counterpart="burst", fifo=True, decides=False)
SCENARIO = Scenario(
    name="small-bench", title="a small burst, with and without priorities", parts=(BURST, FIFO)
)


def main() -> None:
    shutil.rmtree(RUN, ignore_errors=True)
    RUN.mkdir()
    started = instant()
    with Interruption() as interruption:
        places = simulated_parts(SCENARIO, Choices(), SEED, RUN, Console(quiet=True), interruption)
    live = records.read_manifest(RUN / places[0])
    live = msgspec.structs.replace(live, mode="real", target={"name": "reference_sender", "kind": "http"})
    records.write_manifest(RUN / places[0], live)
    write_suite(RUN, SCENARIO, SEED, started, places)
    for number, place in enumerate((".", *places)):
        _fix(RUN / place, number)


def _fix(run_dir: Path, number: int) -> None:
    """Replace what differs between machines and between two calls."""
    manifest = records.read_manifest(run_dir)

    def at(found: records.Instant, second: int) -> records.Instant:
        wall = f"2026-01-05T10:0{number}:{second:02d}.000Z"
        return records.Instant(wall, 0, found.clock_ns if manifest.kind == "run" else second * 1_000_000_000)

    records.write_manifest(
        run_dir,
        msgspec.structs.replace(
            manifest,
            versions=VERSIONS,
            machine=MACHINE,
            started=at(manifest.started, 0),
            ended=at(manifest.ended, 55),
        ),
    )


if __name__ == "__main__":
    main()
