"""The command line refuses wrong values with exit code 2 and a reason, and without showing a token."""

from __future__ import annotations

import socket
from contextlib import closing
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from reference_sender import cli
from reference_sender.cli import sender
from reference_sender.clock import wall_ns
from reference_sender.dispatch.values import Lane, Message
from reference_sender.policy.quiet_hours import FOREVER
from reference_sender.routes.url import read_route
from reference_sender.store import Work, open_store

app = typer.Typer()
app.command()(sender)

ROUTE = ["--route", "smsapi+http://hush@127.0.0.1:80"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "--route"),
        (["--route", "smsapi+http://hush@10.0.0.1:80"], "allow-remote"),
        (["--route", "smsapi+http://hush@127.0.0.1:80?rate=1"], "requests_per_s"),
        (["--route", "smsapi+http://hush@127.0.0.1:80?cost_per_segment=0.1"], "[spending.routes.NAME]"),
        (["--route", "smsapi+http://hush@127.0.0.1:80", "--port", "70000"], "port"),
        (["--route", "smsapi+http://hush@127.0.0.1:80", "--max-connections", "0"], "--max-connections"),
        (["--route", "smsapi+http://hush@127.0.0.1:80", "--request-timeout", "0"], "--request-timeout"),
        (["--route", "smsapi+http://hush@127.0.0.1:80", "--idle-timeout", "0"], "--idle-timeout"),
        (["--route", "smsapi+http://hush@127.0.0.1:80", "--store", "mysql://x"], "sqlite:///FILE"),
        ([*ROUTE, "--store", "sqlite:////dev/null/x.db"], "--store: the folder /dev/null cannot be made"),
        ([*ROUTE, "--store", "sqlite:///."], "--store: . is a folder; give a file"),
        ([*ROUTE, "--host", "nosuch.invalid"], "--host: cannot listen at nosuch.invalid:0: no such host"),
        ([*ROUTE, "--host", "192.0.2.1"], "--host: cannot listen at 192.0.2.1:0: no network interface"),
        ([*ROUTE, "--host", ""], "--host: it is empty"),
        ([*ROUTE, "--token", "hush\x00"], "'--token'"),
        ([*ROUTE, "--token", "\n"], "'--token'"),
        ([*ROUTE, "--order", "random"], "'--order': 'random' is neither priority nor arrival"),
        ([*ROUTE, "--max-backlog", "0"], "--max-backlog"),
        ([*ROUTE, "--alerts", "none.toml"], "--alerts: none.toml: No such file or directory"),
        (
            [*ROUTE, "--alerts", "alerts.toml"],
            "--alerts: alerts.toml: rules.error_rate.above: must be",
        ),
        ([*ROUTE, "--public-url", "nonsense"], "'--public-url': 'nonsense': http:// or https://"),
        *(
            (
                [*ROUTE, "--public-url", f"https://sms.example/x{end}"],
                "it may have a path, and neither a query",
            )
            for end in ("?a=1", "?", "#b", " y", "\x00")
        ),
        (["--route", "smsapi+http://hush@127.0.0.1:80?name=a#1&requests_per_s=5"], "write %23"),
        (["--route", "smsapi+http://hush@127.0.0.1:80/#"], "a route URL has a #"),
        (["--route", "smsapi+http://hush%07@127.0.0.1:80"], "the token of a route cannot be used"),
        (
            ["--route", "smsapi+http://hush@127.0.0.1:80", "--route", "smsapi+http://b@127.0.0.1:80"],
            "with ?name=",
        ),
    ],
)
def test_bad_usage(arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    Path("alerts.toml").write_text("[rules.error_rate]\nabove = -1\n", encoding="utf-8")
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2
    output = done.output.replace("\n", " ")
    assert says in output
    assert "hush" not in output
    assert "Value error" not in output


@pytest.mark.parametrize("option", ["--alerts", "--campaign-reports", "--policy"])
def test_a_file_may_begin_with_a_byte_order_mark(
    option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    file = tmp_path / "f.toml"
    for encoding, says in (
        ("utf-8-sig", "nothing: unknown key"),
        ("utf-16", "it is in UTF-16; save it as UTF-8"),
        ("latin-1", "byte 11 is not UTF-8; save it as UTF-8"),
    ):
        file.write_bytes('nothing = "\u00e9"\n'.encode(encoding))
        done = CliRunner().invoke(app, [*ROUTE, option, str(file)])
        assert done.exit_code == 2
        assert says in done.output.replace("\n", " ")


def test_a_port_in_use_is_named_by_its_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = CliRunner().invoke(app, [*ROUTE, "--port", str(port)])
    assert done.exit_code == 2
    assert done.output.startswith(f"sender: --port: cannot listen at 127.0.0.1:{port}: it is in use; ")


def test_missing_prices_for_messages_over_their_limits_are_named(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/messages.db"
    created_ns, to = wall_ns(), "48500100200"
    with closing(open_store(url)) as store:
        for number, campaign in enumerate(["", "a", "b", "c", "c", "d"], start=1):
            fields = (to, "Sale", Lane.MARKETING, "", campaign, 1, created_ns, FOREVER, FOREVER)
            store.commit(Work([Message(number, f"k-{number}", *fields)]))
    done = CliRunner().invoke(app, [*ROUTE, "--store", url])
    assert done.exit_code == 2
    waiting = "(no campaign: 1, a: 1, b: 1, 2 more campaigns)"
    assert done.output.startswith(
        f"sender: --policy: messages wait for a higher spending limit {waiting}, and "
    )


def test_a_token_is_used_without_the_newline_of_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[str | None] = []
    monkeypatch.setattr(cli, "run", lambda settings, ready: used.append(settings.token))
    monkeypatch.setenv("SMSBENCH_SENDER_TOKEN", "of-a-file\r\n")
    assert CliRunner().invoke(app, ROUTE).exit_code == 0
    assert used == ["of-a-file"]


@pytest.mark.parametrize("separator", [" ", "\n", "\r\n "])
def test_routes_of_the_variable_are_separated_by_space(
    separator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[str] = []
    monkeypatch.setattr(
        cli, "run", lambda settings, ready: used.extend(each.limits.name for each in settings.routes)
    )
    urls = [f"smsapi+http://t@127.0.0.1:1?name={name}" for name in "ab"]
    monkeypatch.setenv("SMSBENCH_SENDER_ROUTES", separator.join(urls))
    assert CliRunner().invoke(app, []).exit_code == 0
    assert used == ["a", "b"]


@pytest.mark.parametrize("separator", [",", ";"])
def test_another_separator_is_refused_without_showing_a_token(
    separator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = ["smsapi+http://hush@127.0.0.1:1?name=a", "smsapi+http://hush@127.0.0.1:1?name=b"]
    monkeypatch.setenv("SMSBENCH_SENDER_ROUTES", separator.join(urls))
    done = CliRunner().invoke(app, [], env={"COLUMNS": "200"})
    assert done.exit_code == 2
    assert "spaces or newlines separate them" in done.output.replace("\n", " ")
    assert "hush" not in done.output


def test_a_folder_for_the_store_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    open_store(f"sqlite:///{tmp_path}/new/one/sender.db").close()
    assert (tmp_path / "new" / "one" / "sender.db").is_file()
    assert (tmp_path / "new" / "one").stat().st_mode & 0o077 == 0


def test_an_ipv6_route_keeps_its_brackets() -> None:
    route = read_route("smsapi+http://t@[::1]:9/x")
    assert (route.account.url, route.limits.name) == ("http://[::1]:9/x", "smsapi@[::1]:9")
    assert read_route("smsapi+http://t@[::1]").account.url == "http://[::1]/sms.do"


def test_a_price_of_a_route_that_is_not_given_is_refused(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text("[spending]\ncost_per_segment = 1\n[spending.routes.fast]\ncost_per_segment = 2")
    done = CliRunner().invoke(app, [*ROUTE, "--policy", str(policy)], env={"COLUMNS": "200"})
    assert done.exit_code == 2
    assert "fast is not a route; routes: smsapi@127.0.0.1:80" in done.output


@pytest.mark.parametrize("routes", [1, 2])
def test_a_second_route_for_otps_needs_a_second_route(
    routes: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(cli, "run", lambda settings, ready: None)
    monkeypatch.setattr(cli, "configure", lambda: None)
    given = [f"smsapi+http://hush@127.0.0.1:{80 + number}" for number in range(routes)]
    arguments = [word for each in given for word in ("--route", each)]
    done = CliRunner().invoke(app, [*arguments, "--hedge-otp-after", "10"])
    assert done.exit_code == 0, done.output
    warned = [record for record in caplog.records if "--hedge-otp-after has no effect" in record.getMessage()]
    assert len(warned) == 2 - routes
