"""Logs without tokens, numbers and texts.

An exception's text may contain a value: a header line that could not be parsed, a number, an OTP's text. So
the log shows only its type and its place in the code.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from types import TracebackType
from typing import Any

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
HTTP_LOGGER = "reference_sender.http"

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def described(error: BaseException) -> str:
    """The stack and the type of ``error`` and of what caused it, without their texts."""
    parts = []
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        stack = "".join(traceback.format_tb(at.__traceback__))
        parts.append(
            f"Traceback (most recent call last):\n{stack}{type(at).__qualname__} (its text is not logged)"
        )
        at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)
    return "\n\n".join(reversed(parts))


class SafeFormatter(logging.Formatter):
    """Formats exceptions by ``described``."""

    def formatException(self, ei: _ExcInfo) -> str:
        return "" if ei[1] is None else described(ei[1])


def configure() -> None:
    """Log to standard error, for a process of its own."""
    handler = logging.StreamHandler()
    handler.setFormatter(SafeFormatter(FORMAT))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def http_logger() -> logging.Logger:
    """For aiohttp's server. It logs an unreadable request as an error with a traceback that quotes the
    request. This filter makes one line of it, with the client's address and the kind of error, since the
    client made the mistake.
    """
    logger = logging.getLogger(HTTP_LOGGER)
    if not logger.filters:
        logger.addFilter(_in_one_line)
    return logger


def _in_one_line(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if error is not None and type(error).__module__ == "aiohttp.http_exceptions":
        record.msg = f"{record.getMessage()}: {type(error).__name__}, a request that cannot be read"
        record.args, record.exc_info, record.exc_text = (), None, None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    return True


def log_loop_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """The event loop's exception handler; the default one shows the text of exceptions."""
    error = context.get("exception")
    message = context.get("message", "an error in the event loop")
    trace = f"\n{described(error)}" if isinstance(error, BaseException) else ""
    logging.getLogger(__name__).error("%s%s", message, trace)
