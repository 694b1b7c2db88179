"""The command line of the mock provider, and the process around it: ready line, signals, exit codes."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
import uvloop

from mock_provider.app import ProviderConfig, start_provider
from mock_provider.http.open_connections import ConnectionLimits
from mock_provider.profiles import ProfileError, load_profile, profile_names
from mock_provider.state.file import StateError
from user_input.listening import ListenAddressError
from user_input.secret_text import read_secret

log = logging.getLogger("mock_provider")

_BAD_USAGE = 2
_STAYS_S = 5.0  # between a failure and the exit, so that a client can read what failed
_MIB = 1024 * 1024


def _fit_for_a_bind(text: str) -> str:
    """Refuse a password that no client could bind with."""
    password = _secret(text)
    if password:
        from mock_provider.protocols.smpp.pdu import PASSWORD_OCTETS  # SMPP is loaded only where it is used

        if len(password) > PASSWORD_OCTETS:
            raise typer.BadParameter(
                f"an SMPP password has at most {PASSWORD_OCTETS} printable ASCII characters; this one has "
                f"{len(password)}"
            )
    return password


def _secret(text: str) -> str:
    """A token or password from the command line or the environment; empty if not given."""
    try:
        return read_secret(text) if text else text
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def provider(
    profile: Annotated[
        str,
        typer.Option(help=f"A ready-made profile ({', '.join(profile_names())}), or a .toml or .json file."),
    ] = "smsapi",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port; 0 lets the system choose.")] = 0,
    token: Annotated[
        str,
        typer.Option(
            envvar="SMSBENCH_PROVIDER_TOKEN",
            show_envvar=True,
            callback=_secret,
            help="Account token; random if not given.",
        ),
    ] = "",
    admin_token: Annotated[
        str,
        typer.Option(
            envvar="SMSBENCH_ADMIN_TOKEN",
            show_envvar=True,
            callback=_secret,
            help="Token of /admin; random if not given.",
        ),
    ] = "",
    seed: Annotated[
        int, typer.Option(help="The seed and a message's key determine its latency and outcome.")
    ] = 1,
    journal: Annotated[
        Path | None, typer.Option(help="Write one row per message to this file (Arrow IPC stream).")
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(
            help="Keep accepted messages, their keys and unconfirmed reports in this file, also through a "
            "crash; the next provider with the file continues them."
        ),
    ] = None,
    backup_port: Annotated[
        int | None,
        typer.Option(min=0, max=65_535, help="Port of a backup host; 0 lets the system choose."),
    ] = None,
    smpp_port: Annotated[
        int | None,
        typer.Option(min=0, max=65_535, help="Listen for SMPP 3.4 too; 0 lets the system choose the port."),
    ] = None,
    smpp_password: Annotated[
        str,
        typer.Option(
            envvar="SMSBENCH_SMPP_PASSWORD",
            show_envvar=True,
            callback=_fit_for_a_bind,
            help="Password of SMPP binds; random if not given. Up to 64 printable ASCII characters; many "
            "clients send no more than 8.",
        ),
    ] = "",
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            help="A further host name, besides localhost and --host, for inbox and admin API; can be given "
            "several times. IP addresses are always allowed."
        ),
    ] = None,
    max_connections: Annotated[
        int,
        typer.Option(
            min=1,
            max=1_000_000,
            help="Highest number of HTTP connections at a time; further ones are answered with 429.",
        ),
    ] = ConnectionLimits().connections,
    max_body_mib: Annotated[
        int,
        typer.Option(
            min=1, max=1_024, help="Largest request body in MiB; a larger one is answered with 413."
        ),
    ] = ConnectionLimits().body_bytes // _MIB,
) -> None:
    """Run a mock SMS provider that speaks SMSAPI, Twilio's API, SMPP 3.4 and the generic JSON API.

    When it is ready it prints one line of JSON with its URL; logs go to standard error (docs/provider.md).
    A provider that cannot write its journal or its state file accepts no more messages and ends after 5 s.

    Exit code: 0 stopped by SIGTERM, SIGINT or SIGHUP, 2 it could not start, 70 a part of it failed (field
    "failed" of /admin/state).
    """
    try:
        resolved = load_profile(profile)
    except ProfileError as error:
        typer.echo(f"provider: {error}", err=True)
        raise typer.Exit(_BAD_USAGE) from None
    _log_to_stderr()
    config = ProviderConfig(resolved, host, port, token, admin_token, seed, journal)
    config = msgspec.structs.replace(
        config,
        backup_port=backup_port,
        smpp_port=smpp_port,
        state=state,
        smpp_password=smpp_password,
        allow_hosts=tuple(allow_host or ()),
        limits=ConnectionLimits(max_connections, max_body_mib * _MIB),
    )
    raise typer.Exit(uvloop.run(serve(config)))


async def serve(config: ProviderConfig) -> int:
    """Run a provider until SIGTERM or SIGINT; the process's exit code."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    # The terminal was closed. Under nohup the signal is ignored.
    hangup = () if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (signal.SIGHUP,)
    for number in (signal.SIGTERM, signal.SIGINT, *hangup):
        loop.add_signal_handler(number, stop.set)
    try:
        provider = await start_provider(config)
    except OSError as error:
        typer.echo(f"provider: {_why_not(error, config.journal)}", err=True)
        return _BAD_USAGE
    loop.set_exception_handler(provider.runtime.health.loop_exception)
    _set_garbage_collector()
    inbox_url = _inbox_url(provider.url, provider.generated)
    ready = {"ready": True, "service": "provider", "url": provider.url, "pid": os.getpid()}
    if provider.backup_url:
        ready["backup_url"] = provider.backup_url
    if provider.smpp_address:
        ready["smpp"] = provider.smpp_address
    if "admin_token" in provider.generated:
        ready["inbox"] = inbox_url
    print(json.dumps(ready | provider.generated), flush=True)
    if sys.stderr.isatty():  # for the person at the terminal; never into a file
        print(f"inbox: {inbox_url}", file=sys.stderr, flush=True)
    await _until(stop, provider.runtime.health.records_lost)
    log.info("stopping")
    await provider.stop()
    failures = provider.runtime.health.failures
    if failures:
        log.error("ended because of a failure: %s", "; ".join(failures))
    return os.EX_SOFTWARE if failures else 0


async def _until(stop: asyncio.Event, failed: asyncio.Event) -> None:
    """Wait for a signal, or for a while after a failure by which records are lost."""
    waits = [asyncio.create_task(event.wait()) for event in (stop, failed)]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    if not stop.is_set():
        await asyncio.wait(waits[:1], timeout=_STAYS_S)
    for wait in waits:
        wait.cancel()


def _why_not(error: OSError, journal: Path | None) -> str:
    """Why a provider cannot start. ``ListenAddressError`` names its option; the rest concern the journal."""
    if isinstance(error, StateError):
        return f"--state: {error}"
    if isinstance(error, ListenAddressError) or journal is None:
        return str(error)
    if error.errno is None:  # the error text of the journal, which names the file
        return f"--journal: {error}"
    reason = "its folder is a file" if isinstance(error, FileExistsError) else error.strerror or error
    return f"--journal: {journal} cannot be written: {reason}"


def _inbox_url(url: str, generated: dict[str, str]) -> str:
    """The page's address with the token, if the token was generated: then it is in the ready line too."""
    token = generated.get("admin_token", "")
    return f"{url}/#token={token}" if token else f"{url}/"


def _set_garbage_collector() -> None:
    """Exclude long-lived objects from garbage collection, and collect often.

    A collection of all objects takes 40 ms and delays every reply that is due during it. Frequent collections
    of new objects take about half a millisecond each.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(2_000, 10, 100)


def _log_to_stderr() -> None:
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )


def main() -> None:
    """Entry point of ``python -m mock_provider``."""
    typer.run(provider)
