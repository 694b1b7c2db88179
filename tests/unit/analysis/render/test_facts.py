"""*How it was run* as text: no Python literal, no raw bytes."""

from __future__ import annotations

from run_builder import Build

from analysis.records import RecordedScenario
from analysis.render.facts import facts, pairs_text
from analysis.render.report_files import write_report
from analysis.report import build_report

STREAMS = [
    {
        "process": {"type": "poisson", "rate_per_s": 40.0, "duration_s": 90.0},
        "mix": {"otp": 1.0, "transactional": 0.0, "marketing": 0.0},
        "campaign": "",
        "start_s": 0.0,
        "arrivals": 3600,
        "mean_per_s": 40.0,
        "peak_per_s": 40.0,
    },
    {
        "process": {"type": "burst", "count": 20000, "over_s": 60.0},
        "mix": {"otp": 0.25, "marketing": 0.75},
        "campaign": "burst",
        "start_s": 15.0,
        "arrivals": 20000,
        "mean_per_s": 333.3333,
        "peak_per_s": 500.0,
    },
]
PARAMETERS = {"streams": STREAMS, "classes": ["otp", "marketing"], "in_flight_limit": 2000, "key_tag": "ad20"}


def test_the_page_describes_how_it_was_run(new_run: Build) -> None:
    run = new_run("run")
    run.journey("m", 0.0, 1.0)
    run_dir = run.write(
        scenario=RecordedScenario(name="burst", title="burst", parameters=PARAMETERS),
        machine={"system": "Linux", "cores": 2, "memory_bytes": 25_276_502_016},
        target={"name": "mine", "request": {"method": "POST", "timeout_s": 2.5}, "status": [200, 202]},
    )
    report = build_report(run_dir)
    shown = dict(facts(report.parts[0].identity))
    assert shown["arrivals"].splitlines() == [
        "otp, poisson arrivals, 3,600 messages, mean 40.0/s, for 1.5 min",
        "otp 25 % + marketing 75 %, campaign burst, burst arrivals, 20,000 messages, mean 333/s, peak 500/s, "
        "for 1 min, from 15 s on",
    ]
    assert shown["machine"] == "system Linux, cores 2, memory 23.5 GiB"
    assert shown["target"] == "name mine, request (method POST, timeout 2.50 s), status 200, 202"
    assert shown["other parameters"] == "in flight limit 2000, key tag ad20"
    write_report(report, run_dir / "report", charts=False)
    page = (run_dir / "report" / "index.html").read_text(encoding="utf-8")
    assert "&#39;process&#39;" not in page
    assert "[{" not in page.partition("</style>")[2]
    assert "25276502016" not in page


def test_values_of_another_writer_are_shown_unchanged() -> None:
    assert pairs_text({"a": None, "b": "", "c": True, "d": {"e_bytes": 5_242_880}}) == "c yes, d (e 5.00 MiB)"


def test_streams_of_another_shape_do_not_fail(new_run: Build) -> None:
    for streams in ("ten a second", [1, 2], [{"rate": 10}], [{"process": "steady", "mix": {}}], {"x": 1}):
        run = new_run(f"run-{len(str(streams))}")
        run.journey("m", 0.0, 1.0)
        run_dir = run.write(scenario=RecordedScenario(name="s", title="s", parameters={"streams": streams}))
        assert dict(facts(build_report(run_dir).parts[0].identity))["arrivals"]
