"""One provider, started and stopped: for the command line, and for a test within its own process."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

from msgspec import Struct

from mock_provider.admin import Admin
from mock_provider.journal import Journal
from mock_provider.profiles import Profile, with_token
from mock_provider.server import ListenSettings, Server
from mock_provider.service import Service

# Writing a batch stops the event loop: about 3 ms for so many rows.
_JOURNAL_BATCH_ROWS = 1_024


class Launch(Struct, frozen=True):
    """What a provider is started with. An empty token is replaced by a random one."""

    profile: Profile
    host: str = "127.0.0.1"
    port: int = 0
    token: str = ""
    admin_token: str = ""
    seed: int = 1
    journal: Path | None = None
    stop_grace_s: float = 3.0


class RunningProvider:
    """A provider that listens. ``generated`` holds the tokens that were made for want of given ones."""

    def __init__(self, server: Server, service: Service, url: str, generated: dict[str, str]) -> None:
        self._server = server
        self.service = service
        self.url = url
        self.generated = generated

    async def stop(self) -> None:
        """Stop accepting, answer what waits, write the journal to its end."""
        # At the same time, so that a client and a receiver that both hang cost one grace.
        await asyncio.gather(self._server.stop(), self.service.finish_reports())
        await self.service.stop()


async def start_provider(launch: Launch) -> RunningProvider:
    """Start on the running event loop. Raises ``OSError`` where the address or the journal cannot be had."""
    generated: dict[str, str] = {}
    token, admin_token = launch.token, launch.admin_token
    if not token and not launch.profile.account.tokens:
        token = generated["token"] = secrets.token_urlsafe(24)
    if not admin_token:
        admin_token = generated["admin_token"] = secrets.token_urlsafe(24)
    profile = with_token(launch.profile, token) if token else launch.profile
    service = Service(profile, launch.seed, launch.stop_grace_s)
    listen = ListenSettings(launch.host, launch.port, stop_grace_s=launch.stop_grace_s)
    server = Server(service, Admin(service, admin_token), listen)
    url = await server.start()
    try:
        # After the address: a start that fails for that must leave the file of a provider that runs as it is.
        journal = None if launch.journal is None else Journal(launch.journal, _JOURNAL_BATCH_ROWS)
    except OSError:
        await server.stop()
        await service.stop()
        raise
    service.start(journal)
    return RunningProvider(server, service, url, generated)
