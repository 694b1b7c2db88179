"""Does the bench's verdict depend on the seed? Simulates the bench with several seeds and judges each.

    python benchmarks/verdict_seeds.py [--seeds 20] [--first 1] [--jobs 2] [--parts day-5k,burst]

For each seed, all parts of the bench are simulated and judged as by ``smsbench simulate bench``, without a
report. Exit code 0 if every seed has the same verdict and exit code, otherwise 1. A seed takes about as long
as the simulated day of 500,000 and its analysis.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import msgspec
from msgspec import Struct
from rich.console import Console

from analysis.report import build_report
from loadtests import catalogue
from loadtests.runner import manifest as manifests
from loadtests.runner.interruption import Interruption
from loadtests.simulate.part import Choices
from loadtests.simulate.run import simulated_parts


class SeedVerdict(Struct, frozen=True):
    seed: int
    verdict: str
    exit_code: int
    undecided: int
    missed: tuple[str, ...]
    ten_times: tuple[str, ...]
    took_s: float


def judged(asked: tuple[int, tuple[str, ...]]) -> SeedVerdict:
    """Simulate with one seed, and judge."""
    seed, wanted = asked
    began_s = time.monotonic()
    scenario = catalogue.scenario("bench").in_virtual_time()
    if wanted:
        parts = tuple(part for part in scenario.parts if part.slug in wanted)
        scenario = msgspec.structs.replace(scenario, parts=parts)
    with tempfile.TemporaryDirectory(prefix="smsbench-seed-") as folder, Interruption() as interruption:
        run_dir, console = Path(folder), Console(file=io.StringIO())
        started = manifests.instant()
        places = simulated_parts(scenario, Choices(), seed, run_dir, console, interruption)
        if scenario.is_suite:
            manifests.write_suite(run_dir, scenario, seed, started, places)
        report = build_report(run_dir)
    return SeedVerdict(
        seed,
        report.verdict,
        report.exit_code,
        sum(each.verdict == "undecided" for each in report.objectives),
        tuple(
            f"{each.name} {each.measured} in {each.part}"
            for each in report.objectives
            if each.verdict == "missed"
        ),
        tuple(level.ten_times for level in report.levels),
        time.monotonic() - began_s,
    )


def _line(each: SeedVerdict) -> str:
    return (
        f"seed {each.seed:>3}: {each.verdict}, exit code {each.exit_code}, {each.undecided} undecided, "
        f"ten times {'/'.join(each.ten_times) or '-'} ({each.took_s:.0f} s) {'; '.join(each.missed)}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2, help="processes side by side")
    parser.add_argument("--parts", default="", help="slugs with commas between; all by default")
    asked = parser.parse_args()
    wanted = tuple(filter(None, asked.parts.split(",")))
    unknown = set(wanted) - {part.slug for part in catalogue.scenario("bench").parts}
    if unknown:
        parser.error(f"--parts: the bench has no part {', '.join(sorted(unknown))}")
    found: Counter[tuple[str, int]] = Counter()
    with contextlib.closing(multiprocessing.get_context("spawn").Pool(asked.jobs)) as pool:
        seeds = [(seed, wanted) for seed in range(asked.first, asked.first + asked.seeds)]
        for each in pool.imap(judged, seeds):
            found[each.verdict, each.exit_code] += 1
            print(_line(each), flush=True)
    for (verdict, code), times in found.most_common():
        print(f"{times} of {asked.seeds}: {verdict}, exit code {code}")
    return 0 if len(found) == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
