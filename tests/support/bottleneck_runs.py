"""Parts with a bottleneck that the test causes, and what the analysis finds in them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
from rich.console import Console

from analysis.model import PartReport
from analysis.part import analyse_part
from analysis.records import SAMPLES_SCHEMA, read_manifest, read_rows
from loadtests.arrivals import Mix, Poisson, Stream
from loadtests.runner.interruption import Interruption
from loadtests.runner.part_run import PartRun
from loadtests.runner.progress import Progress
from loadtests.runner.settings import RunSettings
from loadtests.scenario import Part, Scenario
from loadtests.targets import load_target

FAST: dict[str, Any] = {
    "name": "bottleneck",
    "carriers": [{"name": "any", "country": "*"}],
    "delivery": {"latency": {"kind": "fixed", "value_s": 0.1}},
}
MARKETING = Mix(marketing=1.0)
ALL_CLASSES = Mix(1.0, 1.0, 1.0)


def part_of(folder: Path, rate_per_s: float, profile: dict[str, Any], mix: Mix, **more: Any) -> Part:
    path = folder / "bottleneck.json"
    path.write_text(json.dumps(profile))
    process = more.pop("process", Poisson(rate_per_s, more.pop("lasts_s", 8.0)))
    return Part(
        slug="bottleneck",
        title="bottleneck",
        role="plain",
        profile=str(path),
        streams=(Stream(process, mix=mix),),
        **{"drain_timeout_s": 3.0, **more},
    )


def run_live(part: Part, run_dir: Path, target_file: Path | None = None, probe: bool = True) -> PartReport:
    """Run it for real, through the reference sender or the one of ``target_file``."""
    scenario = Scenario(name="smoke", title="bottleneck", parts=(part,))
    target = load_target(target_file) if target_file else None
    settings = RunSettings(out=run_dir, seed=3, target_file=target_file, target=target, probe=probe)
    with Interruption() as interruption, Progress(Console(file=io.StringIO())) as progress:
        PartRun(scenario, part, run_dir, settings, progress, interruption).run()
    return analysed(run_dir)


def analysed(run_dir: Path) -> PartReport:
    manifest = read_manifest(run_dir)
    assert not manifest.exit_reason.startswith("error"), manifest.exit_reason
    assert not manifest.instrument_failures
    return analyse_part(run_dir, manifest, "bottleneck")


MACHINE_BUSY_PERCENT = 90.0


def named_first(report: PartReport, run_dir: Path, caused: str) -> None:
    """The caused bottleneck comes first, and no other, except for a machine that others made busy."""
    found = kinds(report)
    assert found[:1] == [caused], report.bottlenecks
    busiest = busiest_machine_percent(run_dir)
    also = {"machine"} if busiest > MACHINE_BUSY_PERCENT else set()
    assert set(found[1:]) <= also, (report.bottlenecks, busiest)


def busiest_machine_percent(run_dir: Path) -> float:
    """The largest sample of all cores together."""
    samples = read_rows(run_dir / "samples.arrow", SAMPLES_SCHEMA)
    of_machine = pc.and_(pc.equal(samples["process"], "machine"), pc.equal(samples["name"], "cpu_percent"))
    found: float = pc.max(samples.filter(of_machine)["value"]).as_py()
    return found


def kinds(report: PartReport) -> list[str]:
    for each in report.bottlenecks:
        assert each.text and each.evidence and 0 <= each.from_s < each.to_s and 0 < each.share_of_load <= 1
    return [each.kind for each in report.bottlenecks]
