"""A real SMTP server that keeps the mails it gets."""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiosmtpd.smtp import SMTP


class Mailbox:
    """Takes mails, after it has refused the first ``busy`` ones, for every recipient but ``unknown``."""

    def __init__(self, busy: int = 0, unknown: str = "") -> None:
        self._unknown = unknown
        self.mails: list[Any] = []  # recipients of the envelope, and the parsed mail
        self._busy = busy

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if address == self._unknown:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self._busy:
            self._busy -= 1
            return "451 busy"
        parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.mails.append((envelope.rcpt_tos, parsed))
        return "250 OK"


@asynccontextmanager
async def listening_mailbox(box: Mailbox) -> AsyncIterator[int]:
    """The port of a server that fills ``box``."""
    listening = await asyncio.get_running_loop().create_server(lambda: SMTP(box), "127.0.0.1", 0)
    try:
        port: int = listening.sockets[0].getsockname()[1]
        yield port
    finally:
        listening.close()
        await listening.wait_closed()
