"""One provider, started and stopped: for the command line, and for a test within its own process."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from mock_provider.http.hosts import AllowedHosts
from mock_provider.http.open_connections import ConnectionLimits
from mock_provider.http.server import HttpListenSettings, HttpServer
from mock_provider.inbox.admin import Admin
from mock_provider.inbox.provider_control import InboxViews
from mock_provider.profiles import Profile, with_token
from mock_provider.router import RequestRouter, SecondHost
from mock_provider.runtime.journal import Journal
from mock_provider.runtime.provider import INBOX_MESSAGES, ProviderRuntime
from mock_provider.state.file import StateFile

if TYPE_CHECKING:
    from mock_provider.smpp.listener import SmppServer

# Writing a batch stops the event loop: about a millisecond for this number of rows.
_JOURNAL_BATCH_ROWS = 1_024
_SMPP_PASSWORD_CHARACTERS = 8  # fills the largest batch of one bind


class ProviderConfig(Struct, frozen=True):
    """What a provider is started with. An empty token or password is replaced by a random one."""

    profile: Profile
    host: str = "127.0.0.1"
    port: int = 0
    token: str = ""
    admin_token: str = ""
    seed: int = 1
    journal: Path | None = None
    stop_grace_s: float = 3.0
    backup_port: int | None = None  # of the backup host; None: there is none; 0: the system chooses
    smpp_port: int | None = None  # None: no SMPP; 0: the system chooses
    smpp_password: str = ""
    limits: ConnectionLimits = ConnectionLimits()
    state: Path | None = None  # keeps accepted messages across a restart
    allow_hosts: tuple[str, ...] = ()  # names, beside localhost and ``host``, of the admin API and the page


class RunningProvider:
    """A provider and its listeners. ``generated`` holds the tokens that were not given, and so were
    generated.
    """

    def __init__(
        self, runtime: ProviderRuntime, http: HttpServer, smpp: SmppServer | None, generated: dict[str, str]
    ) -> None:
        self.runtime = runtime
        self._http = http
        self._smpp = smpp
        self.generated = generated
        self.url = self.backup_url = self.smpp_address = ""  # "": it does not listen there

    async def listen(self) -> None:
        """Raises ``OSError`` where an address cannot be used."""
        self.url = await self._http.start()
        self.backup_url = self._http.backup_url
        if self._smpp is not None:
            self.smpp_address = await self._smpp.start()

    async def stop(self) -> None:
        """Stop accepting, answer the waiting requests, and complete the journal."""
        # Stop both at once: two that hang take one grace period.
        leaving = [self._http.stop(), self.runtime.finish_reports()]
        if self._smpp is not None:
            leaving.append(self._smpp.stop())
        await asyncio.gather(*leaving)
        await self.runtime.stop()


async def start_provider(config: ProviderConfig) -> RunningProvider:
    """Start on the running event loop. Raises ``OSError`` where an address or a file cannot be used."""
    generated: dict[str, str] = {}
    token, admin_token = config.token, config.admin_token
    if not token and not config.profile.account.tokens:
        token = generated["token"] = secrets.token_urlsafe(24)
    if not admin_token:
        admin_token = generated["admin_token"] = secrets.token_urlsafe(24)
    profile = with_token(config.profile, token) if token else config.profile
    runtime = ProviderRuntime(profile, config.seed, config.stop_grace_s)
    if config.state is not None:
        _keep_state(runtime, config.state)
    http = _http_server(runtime, config, admin_token)
    smpp = None if config.smpp_port is None else _smpp_server(runtime, config, generated)
    provider = RunningProvider(runtime, http, smpp, generated)
    try:
        await provider.listen()
        # After the addresses: if one of them is in use, the journal of the provider that uses it stays
        # unchanged.
        journal = None if config.journal is None else Journal(config.journal, _JOURNAL_BATCH_ROWS)
    except OSError:
        await provider.stop()
        raise
    runtime.start(journal)
    return provider


def _keep_state(runtime: ProviderRuntime, path: Path) -> None:
    """Before the listeners: the first request must find what was kept."""
    file = StateFile(path, INBOX_MESSAGES)
    try:
        runtime.keep_state(file)
    except BaseException:
        file.close()
        raise


def _http_server(runtime: ProviderRuntime, config: ProviderConfig, admin_token: str) -> HttpServer:
    views = InboxViews(runtime.inbox, runtime.live, runtime.traffic, runtime.refusals)
    admin = Admin(runtime, runtime.engine_reader, views, admin_token)
    router = RequestRouter(runtime, admin, AllowedHosts((config.host, *config.allow_hosts)))
    listen = HttpListenSettings(
        config.host, config.port, config.backup_port, config.limits, config.stop_grace_s
    )
    return HttpServer(router, SecondHost(router), listen)


def _smpp_server(runtime: ProviderRuntime, config: ProviderConfig, generated: dict[str, str]) -> SmppServer:
    # SMPP is optional: a provider without it does not load its modules.
    from mock_provider.protocols.smpp.submit import PROTOCOL_NAME
    from mock_provider.smpp.listener import SmppListenSettings, SmppServer

    password = config.smpp_password
    if not password:
        password = generated["smpp_password"] = secrets.token_hex(_SMPP_PASSWORD_CHARACTERS // 2)
    listen = SmppListenSettings(config.host, config.smpp_port or 0, password, config.stop_grace_s)
    server = SmppServer(runtime, listen)
    runtime.report_by(PROTOCOL_NAME, server)
    return server
