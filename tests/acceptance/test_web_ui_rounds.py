"""``smsbench run --ui``: Start, Stop, Start in Locust's real web UI give a part each, and one report."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from commands import StartSmsbench
from waiting import eventually

from analysis.records import LOAD_SCHEMA, PROVIDER_SCHEMA, SENDER_SCHEMA, read_manifest, read_rows


def ask(url: str, data: bytes | None = None) -> Any:
    with urllib.request.urlopen(url, data=data, timeout=10) as reply:
        return json.loads(reply.read())


def read_until(process: subprocess.Popen[str], words: str) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if words in line:
            return line
    raise AssertionError(f"{words!r} was not printed")


def with_longer_load(scenario: Path) -> None:
    text = scenario.read_text().replace("Poisson(20.0, 3.0)", "Poisson(200.0, 10.0)")
    assert "10.0" in text
    scenario.write_text(text)


def dropped_when_late(rows: list[dict[str, Any]], ended_ns: int) -> bool:
    """Whether the Stop dropped arrivals. What comes due while it takes hold is not planned any more: only a
    load that was late by more than 0.1 s at the Stop drops those that were due before.
    """
    due_ns = [row["t_intended_ns"] for row in rows if row["outcome"] == "dropped"]
    if due_ns:
        assert ended_ns - min(due_ns) > 100_000_000
    return bool(due_ns)


@pytest.mark.parametrize("workers", [1, 2])
def test_each_start_in_the_page_is_a_part_of_its_own(
    smsbench: StartSmsbench, short_scenario: str, tmp_path: Path, workers: int
) -> None:
    out, scenario = tmp_path / "run", Path(short_scenario)
    with_longer_load(scenario)
    process = smsbench(
        *("run", short_scenario, "--ui", "--workers", str(workers), "--no-charts", "--out", str(out))
    )
    found = re.search(r"http://\S+", read_until(process, "Locust's web UI: "))
    assert found is not None
    url = found.group()

    def accepted() -> int:
        statuses = out.glob("load-[0-9].json")
        return sum(int(json.loads(status.read_bytes())["accepted"]) for status in statuses)

    start = b"user_count=1&spawn_rate=1"
    assert ask(url + "swarm", start)["success"] is True
    eventually(lambda: accepted() >= 40)
    ask(url + "stop", b"")
    eventually(lambda: ask(url + "stats/requests")["state"] == "stopped")
    read_until(process, "the load is over: Ctrl-C here waits for open messages and writes the report")
    assert ask(url + "swarm", start)["success"] is True
    eventually(lambda: (out / "round-1-0.json").is_file())
    read_until(process, "the load is over: ")  # the second one rounds to its end
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=100)

    manifest = read_manifest(out)
    assert manifest.kind == "suite", output
    assert manifest.parts == ("parts/01-start", "parts/02-start")
    first, second = (read_manifest(out / place) for place in manifest.parts)
    assert (first.exit_reason, second.exit_reason) == ("interrupted", "finished")
    assert first.planned < 2_000
    assert second.planned == 2_000
    keys, late = [], []
    for place, part in zip(manifest.parts, (first, second), strict=True):
        rows = read_rows(out / place / "load.arrow", LOAD_SCHEMA).to_pylist()
        assert len(rows) == part.planned
        late.append(dropped_when_late(rows, part.load_ended_ns))
        load = {row["key"] for row in rows if row["outcome"] == "accepted"}
        assert len(load) >= 40
        # Every message of this part and none of the other is in each file.
        for name, schema in (("provider", PROVIDER_SCHEMA), ("sender", SENDER_SCHEMA)):
            assert set(read_rows(out / place / f"{name}.arrow", schema)["key"].to_pylist()) == load, name
        keys.append(load)
    assert not keys[0] & keys[1]
    summary = json.loads((out / "report" / "summary.json").read_bytes())
    by_check = {(each["part"], each["name"]): each["state"] for each in summary["checks"]}
    for slug, dropped in zip(("01-start", "02-start"), late, strict=True):
        assert by_check[slug, "accounting"] == "ok"
        assert (by_check[slug, "dropped arrivals"] == "ok") == (not dropped)
        assert by_check[slug, "unknown messages"] == "ok"
    assert first.scenario.title == "short (start 1 of 2 in the web UI)"
    assert summary["interrupted"].startswith(f"Interrupted ({first.scenario.title}) after ")
    assert process.returncode == summary["exit_code"] == 130, output
