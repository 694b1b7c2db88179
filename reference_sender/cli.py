"""The command line: ``smsbench sender``, and ``python -m reference_sender``."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

import typer
from pydantic import ValidationError

from reference_sender.alerts.rules import AlertSettings, parse_alerts
from reference_sender.api.connections import Limits
from reference_sender.campaign_report.settings import (
    CampaignReportSettings,
    parse_report_settings,
)
from reference_sender.dispatch import DispatchSettings
from reference_sender.logs import configure
from reference_sender.policy.settings import NO_POLICY, PolicyError, read_policy
from reference_sender.routes.url import RouteError, RouteSpec, read_route, url_forms
from reference_sender.server import ChangesLost, SenderFailed, SenderSettings, run
from reference_sender.store import Membership, StoreError
from user_input.plain_errors import settings_errors
from user_input.secret_text import read_secret
from user_input.text_file import decoded

log = logging.getLogger(__name__)

_is_visible = re.compile(r"[!-~]*").fullmatch  # in ASCII
_DISPATCH = DispatchSettings.model_validate({})
_File = TypeVar("_File")
_RESERVED_BACKLOG = _DISPATCH.otp_reserved_backlog


def _secret(text: str | None) -> str | None:
    try:
        return None if text is None else read_secret(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _base_url(text: str | None) -> str | None:
    try:
        parts = urlsplit(text or "http://localhost")
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # not a port
        usable = False
    if not usable:
        raise typer.BadParameter(f"{text!r}: http:// or https:// and a host are needed")
    # The sender puts the path of its reports behind it.
    if text and ("?" in text or "#" in text or not _is_visible(text)):
        raise typer.BadParameter(
            f"{text!r}: it may have a path, and neither a query (?), a fragment (#), a space nor a control "
            "character"
        )
    return text


def _order(text: str) -> str:
    if text not in ("priority", "arrival"):
        raise typer.BadParameter(f"{text!r} is neither priority nor arrival")
    return text


def _read(path: Path, parse: Callable[[str], _File], option: str) -> _File:
    """The settings in a file."""
    try:
        return parse(decoded(path.read_bytes()))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise typer.BadParameter(f"{path}: {reason}", param_hint=option) from error


def sender(
    route: Annotated[
        list[str],
        typer.Option(
            help=f"A provider: {', '.join(url_forms())}. Options follow as a query: ?requests_per_s=100&"
            "segments_per_s=...&max_batch=...&max_in_flight=...&weight=... May be "
            "repeated; the first of equally good routes is preferred. In the variable spaces or newlines "
            "separate routes.",
            envvar="SMSBENCH_SENDER_ROUTES",
        ),
    ],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 lets the system choose.")
    ] = 0,
    token: Annotated[
        str | None,
        typer.Option(
            help="Bearer token of the clients; without it a token is generated and shown in the ready line.",
            envvar="SMSBENCH_SENDER_TOKEN",
            callback=_secret,
        ),
    ] = None,
    store: Annotated[
        str,
        typer.Option(
            help="The message store: sqlite:///FILE for one process, or postgresql://USER@HOST/DATABASE "
            "for any number of processes (pip install 'smsbench[postgres]').",
            envvar="SMSBENCH_SENDER_STORE",
        ),
    ] = "sqlite:///smsbench-sender.db",
    lease: Annotated[
        float,
        typer.Option(
            min=1,
            max=600,
            help="With PostgreSQL: seconds until other processes take over a dead process's work.",
        ),
    ] = Membership().lease_s,
    public_url: Annotated[
        str | None,
        typer.Option(
            callback=_base_url,
            help="The URL at which providers reach this sender, if it is not host and port.",
        ),
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="TOML file with the rules on quiet hours, opt-outs, messages to one number, spending, and "
            "on how long final messages are kept (docs/policy.md). Without it there are no quiet hours, no "
            "limits on numbers and spending, and no message is removed.",
            envvar="SMSBENCH_SENDER_POLICY",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the jitter between attempts.")] = 1,
    hedge_otp_after: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            max=300,
            help="Seconds after which an OTP without a report gets a second route. The phone may get it "
            "twice. Off by default.",
        ),
    ] = None,
    order: Annotated[
        str,
        typer.Option(
            callback=_order,
            metavar="[priority|arrival]",
            help="priority, or for comparison arrival: one queue for all classes in order of arrival, "
            "without priorities, shares and reserves for OTPs.",
        ),
    ] = "priority",
    max_backlog: Annotated[
        int,
        typer.Option(
            min=1,
            help="Highest number of messages that no provider has accepted yet; further ones are answered "
            f"with 429. A tenth of it, {_RESERVED_BACKLOG:,} at most, is for OTPs alone.",
        ),
    ] = _DISPATCH.max_backlog,
    max_connections: Annotated[
        int,
        typer.Option(
            min=1,
            max=1_000_000,
            help="Highest number of HTTP connections at a time; further ones are answered with 429.",
        ),
    ] = Limits().connections,
    request_timeout: Annotated[
        float,
        typer.Option(
            min=0.1,
            max=3_600,
            help="Time limit in seconds for a request's head, and again for its body; a campaign's body "
            "may take longer while data arrives.",
        ),
    ] = Limits().request_s,
    idle_timeout: Annotated[
        float,
        typer.Option(min=1, max=86_400, help="Seconds for which a connection is kept between two requests."),
    ] = Limits().idle_s,
    alerts: Annotated[
        Path | None,
        typer.Option(
            help="TOML file with alert rules, webhook and e-mail; without it the default rules write to the "
            "log."
        ),
    ] = None,
    campaign_reports: Annotated[
        Path | None,
        typer.Option(
            help="TOML file on the reports that are made when a campaign ends: language, currency, mail "
            "server (docs/campaign-report.md). Without it they are in English and are not mailed."
        ),
    ] = None,
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Allow a provider that is not on this machine.")
    ] = False,
) -> None:
    """Accept messages over HTTP, store them, submit them to an SMS provider, and follow their reports.

    When it is ready it prints one line of JSON with its URL; logs go to standard error (docs/sender.md).
    The dashboard is at / of that URL.

    Exit code: 0 stopped by SIGTERM, SIGINT or SIGHUP, 2 it could not start, 70 a part of it failed, 74 the
    store did not keep the last changes when it was stopped.

    \b
      smsbench sender --token secret --route "smsapi+http://PROVIDER_TOKEN@127.0.0.1:8080"
    """
    configure()
    try:
        settings = SenderSettings(
            host=host,
            port=port,
            token=token,
            routes=tuple(_checked(text, allow_remote) for text in route),
            store=store,
            lease_s=lease,
            public_url=public_url.rstrip("/") if public_url is not None else None,
            seed=seed,
            policy=NO_POLICY if policy is None else read_policy(policy),
            dispatch=DispatchSettings.model_validate(
                {
                    "hedge_otp_after_s": hedge_otp_after,
                    "order": order,
                    "max_backlog": max_backlog,
                    "otp_reserved_backlog": min(_RESERVED_BACKLOG, max_backlog // 10),
                }
            ),
            limits=Limits(max_connections, request_timeout, idle_timeout),
            alerts=AlertSettings() if alerts is None else _read(alerts, parse_alerts, "--alerts"),
            campaign_reports=(
                CampaignReportSettings()
                if campaign_reports is None
                else _read(campaign_reports, parse_report_settings, "--campaign-reports")
            ),
        )
    except PolicyError as error:
        raise typer.BadParameter(str(error).removeprefix("--policy: "), param_hint="--policy") from error
    except RouteError as error:
        raise typer.BadParameter(str(error), param_hint="--route") from error
    except ValidationError as error:
        raise typer.BadParameter("; ".join(settings_errors(error))) from error
    if hedge_otp_after is not None and len(route) == 1:
        log.warning("--hedge-otp-after has no effect: there is one route, and a second message needs another")
    try:
        run(settings, ready=_show_ready)
    except (PolicyError, StoreError, OSError) as error:
        typer.echo(f"sender: {error}", err=True)
        raise typer.Exit(2) from error
    except SenderFailed as error:
        typer.echo(f"sender: {error}", err=True)
        raise typer.Exit(os.EX_SOFTWARE) from error
    except ChangesLost as error:
        typer.echo(f"sender: {error}", err=True)
        raise typer.Exit(os.EX_IOERR) from error


def _show_ready(line: str) -> None:
    print(line, flush=True)
    if sys.stderr.isatty():  # for the person at the terminal; never into a file
        print(f"dashboard: {json.loads(line)['dashboard']}", file=sys.stderr, flush=True)


def _checked(text: str, allow_remote: bool) -> RouteSpec:
    spec = read_route(text)
    if not spec.is_local() and not allow_remote:
        raise RouteError(
            f"{spec.host} is not this machine. Messages there may cost money; --allow-remote allows it"
        )
    return spec


def main() -> None:
    """Run as a separate program."""
    typer.run(sender)
