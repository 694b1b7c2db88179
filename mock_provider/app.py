"""One provider, started and stopped: for the command line, and for a test within its own process."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from mock_provider.http.open_connections import ConnectionLimits
from mock_provider.http.server import HttpListenSettings, HttpServer
from mock_provider.inbox.admin import Admin
from mock_provider.profiles import Profile, with_token
from mock_provider.runtime.journal import Journal
from mock_provider.runtime.provider import ProviderRuntime

if TYPE_CHECKING:
    from mock_provider.smpp.listener import SmppServer

# Writing a batch stops the event loop: about a millisecond for so many rows.
_JOURNAL_BATCH_ROWS = 512
_SMPP_PASSWORD_CHARACTERS = 8  # as many as bind has room for


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
    allow_hosts: tuple[str, ...] = ()  # names, beside localhost and ``host``, of the admin API and the page


class RunningProvider:
    """A provider that listens. ``generated`` holds the tokens that were made for want of given ones."""

    def __init__(
        self, server: HttpServer, service: ProviderRuntime, url: str, generated: dict[str, str]
    ) -> None:
        self._server = server
        self.service = service
        self.url = url
        self.backup_url = server.backup_url  # "": there is none
        self.generated = generated
        self.smpp: SmppServer | None = None
        self.smpp_address = ""

    async def stop(self) -> None:
        """Stop accepting, answer what waits, write the journal to its end."""
        # At the same time, so that a client and a receiver that both hang cost one grace.
        leaving = [self._server.stop(), self.service.finish_reports()]
        if self.smpp is not None:
            leaving.append(self.smpp.stop())
        await asyncio.gather(*leaving)
        await self.service.stop()


async def start_provider(launch: ProviderConfig) -> RunningProvider:
    """Start on the running event loop. Raises ``OSError`` where the address or the journal cannot be had."""
    generated: dict[str, str] = {}
    token, admin_token = launch.token, launch.admin_token
    if not token and not launch.profile.account.tokens:
        token = generated["token"] = secrets.token_urlsafe(24)
    if not admin_token:
        admin_token = generated["admin_token"] = secrets.token_urlsafe(24)
    profile = with_token(launch.profile, token) if token else launch.profile
    service = ProviderRuntime(profile, launch.seed, launch.stop_grace_s)
    listen = HttpListenSettings(
        launch.host, launch.port, launch.backup_port, launch.limits, launch.stop_grace_s, launch.allow_hosts
    )
    server = HttpServer(service, Admin(service, admin_token), listen)
    provider = RunningProvider(server, service, await server.start(), generated)
    try:
        if launch.smpp_port is not None:
            await _start_smpp(provider, launch)
        # After the addresses: a start that fails for one leaves the file of a provider that runs as it is.
        journal = None if launch.journal is None else Journal(launch.journal, _JOURNAL_BATCH_ROWS)
    except OSError:
        await provider.stop()
        raise
    service.start(journal)
    return provider


async def _start_smpp(provider: RunningProvider, launch: ProviderConfig) -> None:
    # SMPP is an extra: who does not ask for it does not load it.
    from mock_provider.smpp.listener import SmppListenSettings, SmppServer

    password = launch.smpp_password
    if not password:
        password = provider.generated["smpp_password"] = secrets.token_hex(_SMPP_PASSWORD_CHARACTERS // 2)
    listen = SmppListenSettings(launch.host, launch.smpp_port or 0, password, launch.stop_grace_s)
    provider.smpp = SmppServer(provider.service, listen)
    provider.smpp_address = await provider.smpp.start()
