"""``smsbench capacity`` refuses what makes no sense, before anything starts."""

from __future__ import annotations

import inspect
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from loadtests.capacity import run as capacity_run
from loadtests.capacity.cli import capacity
from loadtests.cli import app, run
from loadtests.runner.settings import RunSettings
from mock_provider.profiles import load_profile

ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--from", "0"], "--from must be a rate above 0 and at most 100,000/s, not 0"),
        (["--to", "nan"], "--to must be a rate above 0 and at most 100,000/s, not nan"),
        (["--to", "1e9"], "--to must be a rate above 0 and at most 100,000/s, not 1e+09"),
        (["--from", "60", "--to", "50"], "--from 60 is above --to 50"),
        (["--precision", "0"], "--precision must be from 0.005 to 0.5, not 0"),
        (["--precision", "nan"], "--precision must be from 0.005 to 0.5, not nan"),
        (["--trial-s", "1"], "--trial-s must be from 3 to 600 seconds, not 1"),
        (["--trials", "13"], "13"),
        (["--mix", "sms=1"], "--mix: 'sms' is not a class; allowed: otp, transactional, marketing"),
        (["--slo", "otp.p95<"], "otp.p95<"),
        (["--slo", "opt.p95<10s"], "did you mean otp?"),
        (
            ["--mix", "otp=1,marketing=0", "--slo", "otp.p95<9s", "--slo", "marketing.delivered>90%"],
            "marketing.delivered>90%: no message of this load is of class marketing; its classes are otp.",
        ),
        (["--profile", "nothing"], "nothing"),
        (["--target", "nothing.toml"], "nothing.toml"),
    ],
)
def test_invalid_settings_are_reported_before_anything_starts(
    options: list[str], expected: str, tmp_path: Path
) -> None:
    out = tmp_path / "found"
    done = CliRunner().invoke(app, ["capacity", *options, "--out", str(out)])
    assert done.exit_code == 2, done.output
    assert expected in done.output
    assert not out.exists()


def test_the_profile_of_the_docs_has_the_limit_that_a_search_is_to_find(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "capacity.md").read_text()
    (tmp_path / "limited300.toml").write_text(
        'name = "limited300"' + page.split('name = "limited300"')[1].split("```")[0]
    )
    limit = load_profile(str(tmp_path / "limited300.toml")).throttle.segments
    assert limit is not None and (limit.rate_per_s, limit.burst) == (300.0, 60)


def test_the_help_names_every_exit_code() -> None:
    assert capacity.__doc__ is not None
    for code in ("0 a rate was found", "1 no rate", "2 bad usage", "3 the bench", "4 nothing", "130"):
        assert code in capacity.__doc__


def test_a_target_file_is_checked_before_anything_starts(tmp_path: Path) -> None:
    """The search has no option for every setting of a run: the checks must not need one."""
    out = tmp_path / "found"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        file = tmp_path / "my-sender.toml"
        file.write_text(
            f'request = {{url = "http://127.0.0.1:9/", body = "{{to}}{{text}}"}}\nprovider.port = {port}'
        )
        done = CliRunner().invoke(app, ["capacity", "--target", str(file), "--out", str(out)])
    assert done.exit_code == 2, done.output
    assert f"my-sender.toml: provider.port: 127.0.0.1:{port} is in use" in done.output
    assert not out.exists()


def test_the_search_has_the_time_limit_of_a_run_for_the_probe() -> None:
    default = inspect.signature(run).parameters["probe_timeout"].default
    assert RunSettings(seed=1).probe_timeout_s == default


@pytest.mark.parametrize(
    ("options", "classes"),
    [
        ([], ["otp", "transactional", "marketing"]),
        (["--mix", "otp=1"], ["otp"]),
        (["--mix", "otp=1,marketing=0"], ["otp"]),
        (["--mix", "otp=1,marketing=1", "--slo", "marketing.p95<1h"], ["marketing"]),
    ],
)
def test_defaults_are_those_of_the_classes_in_the_load(
    options: list[str], classes: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[RunSettings] = []

    def search(asked: object, settings: RunSettings, console: object) -> int:
        seen.append(settings)
        return 0

    monkeypatch.setattr(capacity_run, "search_capacity", search)
    done = CliRunner().invoke(app, ["capacity", *options, "--out", str(tmp_path / "found")])
    assert done.exit_code == 0, done.output
    named = [each.partition(".")[0] for each in seen[0].objectives if ".p" in each]
    assert named == classes
    assert not seen[0].allow_undecided
