"""The command line refuses what it cannot use with exit code 2, in words, and without showing a token."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from reference_sender.cli import sender

app = typer.Typer()
app.command()(sender)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "--route"),
        (["--route", "smsapi+http://hush@10.0.0.1:80"], "allow-remote"),
        (["--route", "smsapi+http://hush@127.0.0.1:80?rate=1"], "requests_per_s"),
        (["--route", "smsapi+http://hush@127.0.0.1:80", "--port", "70000"], "port"),
        (["--route", "smsapi+http://hush@127.0.0.1:80", "--max-connections", "0"], "--max-connections"),
        (["--route", "smsapi+http://hush@127.0.0.1:80", "--request-timeout", "0"], "--request-timeout"),
        (["--route", "smsapi+http://hush@127.0.0.1:80", "--idle-timeout", "0"], "--idle-timeout"),
        (["--route", "smsapi+http://hush@127.0.0.1:80", "--store", "mysql://x"], "sqlite:///FILE"),
        (["--route", "smsapi+http://hush@127.0.0.1:80", "--store", "sqlite:////nowhere/x.db"], "nowhere"),
        (
            ["--route", "smsapi+http://hush@127.0.0.1:80", "--route", "smsapi+http://b@127.0.0.1:80"],
            "with ?name=",
        ),
    ],
)
def test_bad_usage(arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2
    said = done.output.replace("\n", " ")
    assert says in said
    assert "hush" not in said
    assert "Value error" not in said
