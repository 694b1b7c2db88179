"""The scenarios, and the command line in front of them."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from called import called

from analysis.quantile import needed
from loadtests import catalogue
from loadtests.arrivals import DAY_MIX, Burst, DayCurve, Poisson, Schedule, arrival_count
from loadtests.parts import Adjustment
from loadtests.scenario import Part, Scenario, ScenarioError
from loadtests.suites.suite_parts import is_quiet, takes_s
from loadtests.targets import load_target

ROOT = Path(__file__).parents[4]


def smsbench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "smsbench", *arguments], cwd=ROOT, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    "path", sorted((ROOT / "loadtests" / "scenarios").glob("[!_]*.py")), ids=lambda p: p.stem
)
def test_each_file_is_a_scenario_that_is_listed_and_a_locustfile(path: Path) -> None:
    found = catalogue.read_file(path)
    assert catalogue.scenario(found.name) == found
    assert path.stem == found.name.replace("-", "_")
    assert "User, Shape = locustfile(SCENARIO, __name__)" in path.read_text()


def test_the_days() -> None:
    (whole,) = catalogue.scenario("day-500k").parts
    assert (whole.role, whole.profile, whole.speedup, whole.window) == (
        "compressed_day",
        "fast",
        288.0,
        "day",
    )
    assert whole.duration_s == pytest.approx(300.0)
    assert arrival_count(whole.streams[0].process) == 500_000
    (peak,) = catalogue.scenario("day-500k", Adjustment(window="peak", duration_s=60.0)).parts
    assert (peak.role, peak.profile, peak.speedup, peak.duration_s) == ("peak_slice", "smsapi", 1.0, 60.0)
    (dense,) = catalogue.scenario("day-500k", Adjustment(100.0, "peak", 30.0)).parts
    process = dense.streams[0].process
    assert isinstance(process, DayCurve) and process.window_s == 3_000.0
    assert (dense.role, dense.messages_per_day) == ("compressed_day", 500_000)


def test_the_ladder_asks_both_questions_at_each_level() -> None:
    roles = [(part.messages_per_day, part.role, part.profile) for part in catalogue.scenario("ladder").parts]
    assert roles == [
        *(
            (level, role, profile)
            for level in (5_000, 50_000, 500_000)
            for role, profile in (("peak_slice", "smsapi"), ("compressed_day", "fast"))
        ),
        # Ten times the highest level, against the same profile as its peak.
        (5_000_000, "peak_slice", "smsapi"),
    ]


def part_of(slug: str) -> Part:
    (part,) = [part for part in catalogue.scenario("bench").parts if part.slug == slug]
    return part


def test_what_the_bench_compares_has_one_profile() -> None:
    parts = catalogue.scenario("bench").parts
    assert {part.profile for part in parts if part.slug != "faults"} == {"smsapi"}
    assert part_of("faults").profile == "smsapi-faults"  # smsapi, and its faults


def test_the_bench_simulates_three_whole_days_and_runs_two_peaks_at_true_speed() -> None:
    parts = catalogue.scenario("bench").parts
    days = [part for part in parts if part.role == "whole_day"]
    assert [(part.messages_per_day, part.mode, part.duration_s) for part in days] == [
        (level, "simulated", 86_400.0) for level in (5_000, 50_000, 500_000)
    ]
    live = [
        (part.messages_per_day, part.speedup)
        for part in parts
        if part.mode == "live" and part.window == "peak"
    ]
    assert live == [(500_000, 1.0), (5_000_000, 1.0)]


def test_a_live_part_and_its_counterpart_have_the_same_messages() -> None:
    for slug in ("day-500k-peak", "day-5m-peak", "burst"):
        live = part_of(slug)
        other = part_of(live.counterpart)
        assert (live.mode, other.mode, live.decides, other.decides) == ("live", "simulated", True, False)
        ours, theirs = Schedule(live.plan(7, "t")), Schedule(other.plan(7, "t"))
        assert [ours.message(slot) for slot in (0, 17, len(ours) - 1)] == [
            theirs.message(slot) for slot in (0, 17, len(theirs) - 1)
        ]
        assert (ours.intended_ns == theirs.intended_ns).all()
    fifo = part_of("burst-fifo")
    assert (fifo.fifo, fifo.mode, fifo.counterpart, fifo.decides) == (
        True,
        "simulated",
        "burst-simulated",
        False,
    )


@pytest.mark.parametrize("seed", range(1, 21))
def test_each_class_of_the_live_peak_has_the_messages_that_a_p95_takes(seed: int) -> None:
    schedule = Schedule(part_of("day-500k-peak").plan(seed, "t"))
    counts = Counter(schedule.message_class(slot) for slot in range(len(schedule)))
    assert min(counts.values()) >= 1.5 * needed(95.0)


def test_four_campaigns_are_as_many_messages_in_the_same_time_as_one() -> None:
    one, four = part_of("burst"), part_of("campaigns-4")
    assert sum(arrival_count(item.process) for item in four.streams) == sum(
        arrival_count(item.process) for item in one.streams
    )
    assert four.duration_s == one.duration_s
    # In virtual time, beside the one campaign: 50 s of the bench's five minutes.
    assert (four.mode, four.decides, part_of("burst-simulated").mode) == ("simulated", True, "simulated")
    assert len({item.campaign for item in four.streams if item.campaign}) == 4


def test_simulations_leave_out_the_counterparts_of_live_parts() -> None:
    simulated = catalogue.scenario("bench").in_virtual_time()
    assert simulated.capacity is None
    assert {part.mode for part in simulated.parts} == {"simulated"}
    assert [part.slug for part in simulated.parts] == [
        *(
            "day-5k",
            "day-50k",
            "day-500k",
            "day-500k-peak",
            "day-5m-peak",
            "burst",
            "burst-fifo",
            "campaigns-4",
            "faults",
        ),
    ]
    (fifo,) = [part for part in simulated.parts if part.fifo]
    assert fifo.counterpart == "burst"
    assert catalogue.scenario("smoke").in_virtual_time().parts[0].mode == "simulated"


def test_a_counterpart_must_be_there_and_have_the_same_messages() -> None:
    burst, day = part_of("burst"), part_of("day-5m-peak")
    with pytest.raises(ScenarioError, match="burst cannot be compared with 'burst-simulated'"):
        Scenario(name="x", title="x", parts=(burst,))
    other = msgspec.structs.replace(burst, counterpart="day-5m-peak")
    with pytest.raises(ScenarioError, match="must be another part with the same streams"):
        Scenario(name="x", title="x", parts=(other, day, part_of("day-5m-peak-simulated")))
    with pytest.raises(ScenarioError, match="two parts have the same slug"):
        Scenario(name="x", title="x", parts=(part_of("campaigns-4"),) * 2)


def test_the_bursts() -> None:
    for part, count, over_s, tail_s in (
        (catalogue.scenario("burst").parts[0], 20_000, 60.0, 15.0),
        (part_of("burst"), 6_000, 10.0, 8.0),
    ):
        assert part.role == "burst"
        assert [item.process for item in part.streams if isinstance(item.process, Burst)] == [
            Burst(count, over_s)
        ]
        otps, burst = part.streams
        # One-time passwords continue after it: the question is how long they wait while the backlog drains.
        assert part.duration_s - (burst.start_s + over_s) == tail_s
        assert isinstance(otps.process, Poisson) and otps.process.duration_s == part.duration_s


def test_the_bench_fits_its_five_minutes() -> None:
    assert takes_s(catalogue.scenario("bench")) < 290
    # Simulations run beside the one live part that leaves a core free.
    assert [
        part.slug for part in catalogue.scenario("bench").parts if part.mode == "live" and is_quiet(part)
    ] == ["day-500k-peak"]


def test_a_suite_as_a_locustfile_plays_its_live_parts_one_after_another() -> None:
    starts = [stream.start_s for stream in catalogue.scenario("bench").streams()]
    assert starts[:4] == [0.0, 85.0, 109.0, 114.0]


@pytest.mark.parametrize(
    ("name", "adjustment", "expected"),
    [
        ("day-500", Adjustment(), r"did you mean day-500k\? there are: day-5k, day-50k"),
        ("day-6k", Adjustment(), "of the days day-5k is the nearest; there are: day-5k, day-50k"),
        ("day-1m", Adjustment(), "of the days day-500k is the nearest; there are"),
        ("day-20000", Adjustment(), "of the days day-50k is the nearest; there are"),
        ("200k", Adjustment(), "of the days day-500k is the nearest; there are"),
        ("day", Adjustment(), "there is no scenario 'day'; there are: day-5k"),
        ("brust", Adjustment(), r"did you mean burst\? there are"),
        ("night", Adjustment(), "there is no scenario 'night'; there are"),
        ("smok", Adjustment(), r"did you mean smoke\? there are"),
        (
            "smoke",
            Adjustment(speedup=2.0),
            "smoke has a fixed length: --speedup belongs to day-5k, day-50k, day-500k",
        ),
        ("day-5k", Adjustment(window="day", duration_s=60.0), "use --window peak --duration"),
        ("day-5k", Adjustment(speedup=-1.0), "--speedup must be a number above 0, not -1"),
        ("day-5k", Adjustment(speedup=0.0), "--speedup must be a number above 0, not 0"),
        ("day-5k", Adjustment(speedup=math.nan), "must be a number above 0, not nan"),
        ("day-5k", Adjustment(math.inf, "peak"), "--speedup must be a number above 0, not inf"),
        ("day-5k", Adjustment(window="peak", duration_s=math.nan), "--duration must be a number above 0"),
        ("day-5k", Adjustment(288.0, "peak", 600.0), "at most 86400 s"),
    ],
)
def test_an_adjustment_that_cannot_work_is_refused_with_advice(
    name: str, adjustment: Adjustment, expected: str
) -> None:
    with pytest.raises(ScenarioError, match=expected):
        catalogue.scenario(name, adjustment)


def _ends_with_2(cases: list[tuple[list[str], str]]) -> None:
    """Each call of ``smsbench`` is refused with these words."""
    ended = called("smsbench", [call for call, _ in cases])
    for (code, output), (call, expected) in zip(ended, cases, strict=True):
        assert code == 2, (call, output)
        assert expected in output, (call, output)
        assert "Traceback" not in output, (call, output)


def test_bad_usage_ends_with_2_and_says_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("x")
    (tmp_path / "no-provider.toml").write_text(
        '[request]\nurl = "http://127.0.0.1:9/send"\nbody = "{to}{text}"\n'
    )
    (tmp_path / "killed" / "parts" / "01-a").mkdir(parents=True)
    (tmp_path / "killed" / "parts" / "01-a" / "run.json").write_text("{}")
    cases = [
        (["run", "nothing"], "there are: day-5k"),
        (["run", "smoke", "--out", str(tmp_path)], "not empty"),
        (["run", "smoke", "--out", str(tmp_path / "kept")], "kept is a file; give --out a directory"),
        (["run", "smoke", "--out", str(tmp_path / "kept" / "run")], "cannot be made: Not a directory"),
        (["simulate", "smoke", "--out", str(tmp_path / "kept" / "run")], "cannot be made: Not a directory"),
        (["run", "smoke", "--drain-timeout", "inf"], "--drain-timeout must be a number"),
        (["run", "bench", "--ui"], "--ui needs a scenario with one run"),
        (["run", "smoke", "--scale-provider"], "--scale-provider would have no effect"),
        (["run", "smoke", "--target", str(tmp_path / "no-provider.toml")], "port = 9500"),
        (["run", "smoke", "--target", str(tmp_path / "absent.toml")], "there is no target file"),
        (["report", str(tmp_path)], "is not a run directory: it has no run.json"),
        (["report", str(tmp_path / "killed")], f"smsbench report {tmp_path / 'killed' / 'parts' / '01-a'}"),
        (["report", str(tmp_path / "nothing")], "is not a run directory: it does not exist"),
        (["report", str(tmp_path / "kept")], "is not a run directory: it is a file"),
        (["report", ""], "an argument is empty"),
        (["run", "smoke", "--profile", ""], "--profile is empty: give a value, or leave it out"),
        (["run", "smoke", "--out="], "--out is empty"),
        (["calibrate", "--only", ""], "--only is empty"),
        (["provider", "--profile", "fast", "--token", ""], "--token is empty"),
        (["sender", "--route", ""], "--route is empty"),
        (["run", "smoke", "--workers", "0"], "'--workers': 0: must be at least 1"),
        (["run", "smoke", "--seed", "x"], "'--seed': x: must be a whole number"),
        (["run", "day-5k", "--window", "night"], "'--window': 'night' is not one of 'day', 'peak'"),
        (["provider", "--smpp-port", "70000"], "'--smpp-port': 70000: must be at most"),
        (["sender", "--route", "x", "--port", "-1"], "'--port': -1: must be at least 0"),
        (["run", "smoke", "--sed", "1"], "No such option: --sed (Possible options: --seed)"),
        (["run", "day-5k", "--compress", "288"], "--compress is now --speedup"),
        (["simulate", "day-5k", "--through-wire"], "--through-wire is now --as-bytes"),
        (["run", "smoke", "--drain-limit=5"], "--drain-limit is now --drain-timeout"),
        (["simulate", "day-5k", "--compress=1"], "--compress is now --speedup"),
        (["provider", "--second-port", "0"], "--second-port is now --backup-port"),
        (
            ["provider", "--profile", "nope"],
            "profile nope: neither a ready-made profile (bad-day, fading, fast",
        ),
        (["run", "smoke", "--target", str(tmp_path)], "cannot be read: Is a directory"),
    ]
    _ends_with_2(cases)


def _smoke_with(changes: str) -> str:
    """A scenario file that takes the smoke scenario's part with other values."""
    return (
        "from msgspec.structs import replace\nfrom loadtests.arrivals import Mix, Poisson, Stream\n"
        "from loadtests.scenarios.smoke import SCENARIO as S\n"
        f"SCENARIO = replace(S, parts=(replace(S.parts[0], {changes}),))"
    )


OWN_FILES = {
    "rate.py": (
        _smoke_with("streams=(Stream(Poisson(-5, 20)),)"),
        "rate.py: SCENARIO: parts[0].streams[0].process.rate_per_s: -5: must be a number above 0",
    ),
    "infinite.py": (
        _smoke_with("streams=(Stream(Poisson(5, float('inf'))),)"),
        "process.duration_s: inf: must be a number",
    ),
    "type.py": (_smoke_with("speedup='x'"), "parts[0].speedup: 'x': must be a number"),
    "role.py": (
        _smoke_with("role='plane'"),
        "parts[0].role: 'plane': must be one of 'plain', 'whole_day', 'peak_slice', ",
    ),
    "slug.py": (_smoke_with("slug='a/b'"), "parts[0].slug: 'a/b': must be a name of letters, digits"),
    "silent.py": (_smoke_with("streams=()"), "parts[0].streams: (): must be a tuple with at least 1 value"),
    "mix.py": (_smoke_with("streams=(Stream(Poisson(5, 20), mix=Mix()),)"), "a share above 0"),
    "share.py": (
        _smoke_with("streams=(Stream(Poisson(5, 20), mix=Mix(opt=15)),)"),
        ": Mix has no 'opt'; it has otp, transactional, marketing",
    ),
    "profile.py": (_smoke_with("profile='fst'"), "part smoke: profile fst: neither a ready-made profile"),
    "nothing.py": ("x = 1", "has no SCENARIO; define SCENARIO = Scenario(...) in it (docs/load.md"),
    "text.py": ('SCENARIO = "day-5k"', "SCENARIO has the type str, not Scenario; define"),
    "broken.py": ("1 / 0", "broken.py, line 1, fails: ZeroDivisionError: division by zero"),
    "typo.py": ("SCENARIO = Scenario(", "typo.py, line 1, fails: SyntaxError"),
    "leaves.py": ("import sys; sys.exit(0)", "leaves.py, line 1, fails: SystemExit: 0"),
    "twice.py": (
        "from loadtests.scenario import Scenario\nfrom loadtests.scenarios.smoke import SCENARIO as S\n"
        'SCENARIO = Scenario(name="t", title="t", parts=S.parts * 2)',
        "twice.py: t: two parts have the same slug",
    ),
}


def test_a_scenario_file_that_cannot_be_used_says_what_to_do(tmp_path: Path) -> None:
    for name, (content, _) in OWN_FILES.items():
        (tmp_path / name).write_text(content)
    cases = []
    for command in ("run", "simulate", "list"):
        cases += [([command, str(tmp_path / name)], expected) for name, (_, expected) in OWN_FILES.items()]
        cases += [([command, str(tmp_path / "absent.py")], "absent.py does not exist")]
        cases += [([command, f"{tmp_path}/"], "is a directory")]
    _ends_with_2(cases)


def test_a_failure_of_smsbench_has_another_exit_code_than_a_missed_objective() -> None:
    script = (
        "import loadtests.cli, loadtests.catalogue as c\n"
        "c.names = lambda: 1 / 0\nimport sys; sys.argv = ['smsbench', 'list']\nloadtests.cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 70, done.stderr
    assert "ZeroDivisionError" in done.stderr and "smsbench itself failed" in done.stderr


def test_help_and_list_are_light() -> None:
    done = smsbench("list")
    assert done.returncode == 0
    for name in catalogue.names():
        assert f"{name} " in done.stdout
    script = "import sys, loadtests.cli, loadtests.catalogue; print('gevent' in sys.modules)"
    light = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert light.stdout.strip() == "False", light.stderr


def test_the_documents_say_what_the_catalogue_has(tmp_path: Path) -> None:
    load = (ROOT / "docs" / "load.md").read_text()
    otp, transactional, marketing = (
        f"{100 * share:g} %" for share in (DAY_MIX.otp, DAY_MIX.transactional, DAY_MIX.marketing)
    )
    words = f"{otp} one-time passwords, {transactional} transactional messages and {marketing} marketing."
    assert f"A day has {words}" in load
    otps = catalogue.scenario("burst").parts[0].streams[0].process
    assert isinstance(otps, Poisson)
    assert f"one-time passwords at {otps.rate_per_s:g}/s" in load
    # The README's target can be run as it stands.
    (example,) = re.findall(
        r"```toml\n# my-sender\.toml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL
    )
    path = tmp_path / "my-sender.toml"
    path.write_text(example)
    assert load_target(path, {"MY_SENDER_TOKEN": "t"}).provider.port == 9500


def test_every_text_gives_the_same_duration_of_the_bench() -> None:
    takes = catalogue.scenario("bench").takes
    for name, words in (("README.md", "make bench     # "), ("Makefile", "run the bench (")):
        assert f"{words}{takes}" in (ROOT / name).read_text(encoding="utf-8"), name
    (bench,) = [line for line in smsbench("list").stdout.splitlines() if line.startswith("bench ")]
    assert f", {takes} in all)" in bench
    assert " in virtual time, " in bench
    assert "4325 min" not in bench  # days that are simulated in seconds are not minutes of load
    (helped,) = [line for line in smsbench("--help").stdout.splitlines() if "run bench" in line]
    assert takes in helped
