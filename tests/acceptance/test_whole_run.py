"""Whole runs from one command: provider, sender, load, drain, records, report."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest
from commands import StartSmsbench
from waiting import eventually

from analysis.records import (
    LOAD_SCHEMA,
    PROVIDER_SCHEMA,
    SAMPLES_SCHEMA,
    SENDER_SCHEMA,
    read_manifest,
    read_rows,
)


def test_smoke_from_the_first_arrival_to_the_report(smsbench: StartSmsbench, tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = smsbench("run", "smoke", "--seed", "5", "--out", str(out))
    output, _ = process.communicate(timeout=110)
    # A busy machine may make the run invalid or late; that it ends with a verdict is what counts here.
    assert process.returncode in (0, 1, 3, 4), output
    for page in ("inbox, with each message live", "dashboard of the sender"):
        assert re.search(rf"{page}: http://127\.0\.0\.1:\d+/#token=[0-9a-f]{{32}}\n", output)
    assert "seed 5" in output and str(out / "report" / "index.html") in output
    assert (out / "report" / "index.html").stat().st_size > 10_000

    manifest = read_manifest(out)
    assert manifest.exit_reason == "finished"
    assert (manifest.scenario.name, manifest.profile_name, manifest.planned) == ("smoke", "fast", 400)
    assert manifest.seeds["plan"] == 5 and "provider" in manifest.seeds
    load = read_rows(out / "load.arrow", LOAD_SCHEMA)
    keys = set(load.column("key").to_pylist())
    assert Counter(load.column("outcome").to_pylist()) == {"accepted": 400} and len(keys) == 400
    # The ledger to its end: every accepted message is final at the provider and in the sender, each once.
    last = {row["key"]: row for row in read_rows(out / "provider.arrow", PROVIDER_SCHEMA).to_pylist()}
    assert set(last) == keys
    assert all(row["accepts"] == 1 and row["state"] != "open" for row in last.values())
    exported = read_rows(out / "sender.arrow", SENDER_SCHEMA)
    assert set(exported.column("key").to_pylist()) == keys
    assert set(exported.column("state").to_pylist()) <= {"delivered", "failed", "expired"}
    samples = read_rows(out / "samples.arrow", SAMPLES_SCHEMA).to_pylist()
    assert {"load", "provider", "sender", "machine"} <= {row["process"] for row in samples}
    assert len({row["t_ns"] for row in samples if row["name"] == "cpu_percent"}) >= 20
    assert not list(out.glob("sender.db*"))
    assert secrets_in(out) == []


def test_ctrl_c_ends_the_load_in_order_and_still_reports(smsbench: StartSmsbench, tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = smsbench("run", "smoke", "--out", str(out), "--keep-store", "--no-charts")

    def sent_some() -> bool:
        status = out / "load-0.json"
        return status.is_file() and json.loads(status.read_bytes())["accepted"] >= 20

    eventually(sent_some, 60.0)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(2)
    output, _ = process.communicate(timeout=60)
    manifest = read_manifest(out)
    assert manifest.exit_reason == "interrupted", output
    assert process.returncode == 130, output
    assert "ending the load, then writing the report; Ctrl-C again aborts" in output
    load = read_rows(out / "load.arrow", LOAD_SCHEMA)
    assert 20 <= load.num_rows == manifest.planned < 400
    assert (out / "report" / "summary.md").is_file(), output
    assert (out / "sender.db").is_file()
    _, alive = psutil.wait_procs(children, timeout=5)
    assert not alive


def test_a_worker_that_dies_ends_the_run_as_an_error(smsbench: StartSmsbench, tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = smsbench("run", "smoke", "--workers", "2", "--no-charts", "--out", str(out))

    def both_sent() -> bool:
        found = [json.loads(path.read_bytes()) for path in out.glob("load-*.json")]
        return len(found) == 2 and all(status["accepted"] for status in found)

    eventually(both_sent, 60.0)
    load = [child for child in psutil.Process(process.pid).children() if "locust" in child.cmdline()]
    load[0].children()[-1].kill()
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 3, output
    manifest = read_manifest(out)
    assert manifest.exit_reason.startswith("error: load lost a worker"), output
    # The other worker stopped in order; what the dead one had due and not written shows as missing.
    rows = read_rows(out / "load.arrow", LOAD_SCHEMA)
    assert 0 < rows.num_rows < manifest.planned < 400


def test_a_run_whose_sender_is_not_there_does_not_begin(smsbench: StartSmsbench, tmp_path: Path) -> None:
    target = tmp_path / "absent.toml"
    target.write_text(
        '[request]\nurl = "http://127.0.0.1:9/send"\nbody = "{to}{text}"\n[provider]\nport = 9501\n'
    )
    process = smsbench("run", "smoke", "--target", str(target), "--out", str(tmp_path / "run"))
    output, _ = process.communicate(timeout=90)
    assert process.returncode == 2, output
    assert "absent.toml: request.url: nothing listens at 127.0.0.1:9 (Connection refused)" in output
    assert not (tmp_path / "run").exists()


def test_a_run_whose_sender_is_not_healthy_says_so(smsbench: StartSmsbench, tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as unwell:  # answers 501 to all
        threading.Thread(target=unwell.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{unwell.server_address[1]}"
        target = tmp_path / "unwell.toml"
        target.write_text(
            f'health_url = "{url}/healthz"\n[request]\nurl = "{url}/send"\n'
            f'body = "{{to}}{{text}}"\n[provider]\nurl = "{url}"\n'
        )
        process = smsbench(
            "run", "smoke", "--no-charts", "--target", str(target), "--out", str(tmp_path / "run")
        )
        output, _ = process.communicate(timeout=90)
        unwell.shutdown()
    assert process.returncode == 2, output
    assert "unwell: health_url did not answer" in output and f"{url}/healthz" in output
    assert not (tmp_path / "run").exists()


def secrets_in(run_dir: Path) -> list[str]:
    """Files that hold something like the 32 hexadecimal digits of a token."""
    texts = [path for path in run_dir.rglob("*") if path.suffix in (".json", ".log", ".csv", ".md")]
    return [path.name for path in texts if re.search(r"\b[0-9a-f]{32}\b", path.read_text(errors="replace"))]


pytestmark = pytest.mark.timeout(150)


def test_a_report_with_an_unknown_export_format_is_refused(smsbench: StartSmsbench, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    process = smsbench("report", str(tmp_path), "--export", "xml")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 2, output
    assert output.strip().endswith("--export must be csv or parquet, not 'xml'")
    assert not (tmp_path / "report").exists()
