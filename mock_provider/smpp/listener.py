"""The SMPP listener of the provider: accepts binds, and sends receipts to clients."""

from __future__ import annotations

import asyncio
import time
from hmac import compare_digest

from msgspec import Struct

from mock_provider.engine.distributions import nanoseconds
from mock_provider.profiles import Profile
from mock_provider.protocols.smpp import codes
from mock_provider.protocols.smpp.group_ids import GroupIds
from mock_provider.protocols.smpp.parts import PartKeys
from mock_provider.protocols.smpp.pdu import Bind
from mock_provider.protocols.smpp.receipts import ReceiptWriter
from mock_provider.protocols.smpp.replacing import Replaceable
from mock_provider.protocols.smpp.requests import Memory, RequestReader
from mock_provider.protocols.smpp.session import SessionLimits
from mock_provider.protocols.smpp.submit import SubmitReader
from mock_provider.smpp.connection import SmppConnection, SmppSetup
from mock_provider.smpp.receipts import ReceiptLinks
from mock_provider.smpp.smpp_provider import SmppProvider
from user_input.listening import listen

_EXPIRE_EVERY_S = 0.25


class SmppListenSettings(Struct, frozen=True):
    """Where to listen, and the bind password (at most 8 characters in SMPP 3.4), accepted
    in place of an account token."""

    host: str = "127.0.0.1"
    port: int = 0
    password: str = ""
    stop_grace_s: float = 3.0


class SmppServer:
    """Accepts connections, and sends the reports of messages submitted by SMPP."""

    def __init__(self, provider: SmppProvider, listen: SmppListenSettings) -> None:
        self._provider = provider
        self._listen = listen
        self._loop = asyncio.get_running_loop()
        self._keys = PartKeys()
        self._memory = Memory(Replaceable(), GroupIds())
        self.links = ReceiptLinks(provider.reports_answered, self._loop.call_soon, time.monotonic_ns)
        self.deliver = self.links.deliver
        self._connections: set[SmppConnection] = set()
        self._none_left = asyncio.Event()
        self._none_left.set()
        self._listening: asyncio.Server | None = None
        self._expiring: asyncio.TimerHandle | None = None
        self._use(provider.profile)

    async def start(self) -> str:
        """Listen. Returns host and port. Raises ``ListenAddressError`` if the address cannot be used."""
        self._listening, address = await listen(
            lambda: SmppConnection(self._provider, self), self._listen.host, self._listen.port, "--smpp-port"
        )
        self._expire()
        return address

    async def stop(self) -> None:
        """Stop accepting, unbind every session, and reset those still open after the grace period."""
        if self._listening is None:
            return
        self._listening.close()
        if self._expiring is not None:
            self._expiring.cancel()
        for connection in list(self._connections):
            connection.finish()
        try:
            async with asyncio.timeout(self._listen.stop_grace_s):
                await self._none_left.wait()
        except TimeoutError:
            for connection in list(self._connections):
                connection.abort()
            await self._none_left.wait()
        await self._listening.wait_closed()
        self._listening = None

    # ReportSender of the provider

    @property
    def queued(self) -> int:
        return self.links.queued

    def drop_queued(self) -> None:
        """Forget the stored ids: after a reset they may belong to other messages."""
        self.links.drop_queued()
        self._memory.clear()

    # Listener of the connections

    def setup(self) -> SmppSetup:
        profile = self._provider.profile
        if profile is not self._profile or self._wall_offset_ns != self._provider.lookups.wall_offset_ns:
            self._use(profile)
        return self._setup

    def opened(self, connection: SmppConnection) -> bool:
        self._connections.add(connection)
        self._none_left.clear()
        return len(self._connections) <= self._provider.profile.protocol.smpp.max_connections

    def closed(self, connection: SmppConnection) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._none_left.set()

    def admit(self, bind: Bind) -> str | int:
        profile = self._provider.profile
        settings = profile.protocol.smpp
        token = self._token_of(bind.password, profile.account.tokens)
        known = not settings.system_ids or bind.system_id in settings.system_ids
        if not bind.system_id or not known:
            return codes.ESME_RINVSYSID
        if not token:
            return codes.ESME_RINVPASWD
        binds = sum(connection.system_id == bind.system_id for connection in self._connections)
        return token if binds < settings.max_binds else codes.ESME_RALYBND

    def _token_of(self, password: str, tokens: tuple[str, ...]) -> str:
        """The account token for this password, or "". Every candidate is compared."""
        given = password.encode()
        found = ""
        if self._listen.password and compare_digest(given, self._listen.password.encode()) and tokens:
            found = tokens[0]
        for token in tokens:
            if compare_digest(given, token.encode()):
                found = token
        return found

    def _use(self, profile: Profile) -> None:
        self._profile = profile
        self._wall_offset_ns = self._provider.lookups.wall_offset_ns
        settings = profile.protocol.smpp
        limits = SessionLimits(
            smsc_id=settings.smsc_id,
            window=settings.window,
            receipt_window=settings.receipt_window,
            longest_pdu_octets=settings.max_pdu_bytes,
            session_init_ns=nanoseconds(settings.session_init_s),
            enquire_link_ns=nanoseconds(settings.enquire_link_s),
            inactivity_ns=nanoseconds(settings.inactivity_s),
            response_ns=nanoseconds(settings.response_s),
        )
        self._receipts_kept_ns = nanoseconds(settings.receipts_kept_s)
        writer = ReceiptWriter(settings, self._wall_offset_ns, self._memory.groups)
        self.links.use(writer, settings.receipts_kept)
        submits = SubmitReader(settings, self._keys)
        reader = RequestReader(submits, self._memory, self._provider.lookups)
        self._setup = SmppSetup(limits, reader, self.links)

    def _expire(self) -> None:
        self._expiring = self._loop.call_later(_EXPIRE_EVERY_S, self._expire)
        self.setup()
        self.links.expire(time.monotonic_ns() - self._receipts_kept_ns)
