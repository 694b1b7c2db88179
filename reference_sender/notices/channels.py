"""Where notices go besides the log: a webhook and e-mail."""

from __future__ import annotations

import logging
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import make_msgid

import aiohttp
import aiosmtplib
import msgspec

from reference_sender.alerts.rules import AlertSettings, Email, MailServer, Webhook
from reference_sender.alerts.watch import Notice

log = logging.getLogger(__name__)

_SUBJECT_MOST = 200

# Sends one notice. Raises ``ChannelError`` if the receiver does not take it.
SendNotice = Callable[[Notice], Awaitable[None]]


class ChannelError(Exception):
    """A notice was not taken; the text says why, without a secret."""


def open_channels(settings: AlertSettings) -> dict[str, SendNotice]:
    """The channels by name."""
    found: dict[str, SendNotice] = {}
    webhook, email = settings.webhook, settings.email
    if webhook is not None:
        found["webhook"] = lambda notice: post(webhook, notice)
    if email is not None:
        found["e-mail"] = lambda notice: mail(email, notice)
    return found


async def post(webhook: Webhook, notice: Notice) -> None:
    """Raises ``ChannelError`` unless the answer is 2xx."""
    body = msgspec.json.encode(notice)
    headers = {"Content-Type": "application/json"}
    timeout = aiohttp.ClientTimeout(total=webhook.timeout_s)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(webhook.url, data=body, headers=headers, allow_redirects=False) as answer,
        ):
            if not 200 <= answer.status < 300:
                raise ChannelError(f"the answer is HTTP {answer.status}")
    except TimeoutError as error:
        raise ChannelError(f"no answer within {webhook.timeout_s:g} s") from error
    except (aiohttp.ClientError, OSError) as error:
        raise ChannelError(_why(error)) from error


def _why(error: Exception) -> str:
    """The reason that the system gives. The error's own text may show the URL, which may carry a secret."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    number = cause.errno if isinstance(cause, OSError) else None
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "no connection: the host's name is not known"
    if number is not None and number > 0:
        return f"no connection: {os.strerror(number)}"
    return f"no answer: {type(error).__name__}"


async def mail(email: Email, notice: Notice) -> None:
    """Raises ``ChannelError`` as ``deliver``."""
    message = EmailMessage()
    message["From"] = email.mail_from
    message["To"] = ", ".join(email.recipients)
    message["Subject"] = f"smsbench sender: {notice.line}"[:_SUBJECT_MOST]
    message.set_content(notice.line + "\n")
    await deliver(email, message)


async def deliver(server: MailServer, message: EmailMessage) -> None:
    """Give ``message`` its date and id (RFC 5322 3.6), and hand it over. Raises ``ChannelError`` unless the
    mail server takes it for a recipient. Those that it refuses are then logged: a repeat would reach the
    others twice.
    """
    message["Date"] = datetime.now(UTC)
    # With the domain of the sender: by default it would show the name of this machine.
    message["Message-ID"] = make_msgid(domain=server.mail_from.rpartition("@")[2])
    try:
        refused, _ = await aiosmtplib.send(
            message,
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            use_tls=server.tls,
            timeout=server.timeout_s,
        )
    except (aiosmtplib.SMTPException, OSError) as error:
        raise ChannelError(f"{type(error).__name__}: {error}") from error
    if refused:
        log.error("the mail server took a mail, but not for %s", ", ".join(refused))
