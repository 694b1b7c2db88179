"""Addresses of receivers in settings files. Each check raises ``ValueError`` with what is allowed."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

_UNSEEN = re.compile(r"[\s\x00-\x1f\x7f]")
_MAIL = re.compile(r"[^@]+@[^@]+")
_HOST = re.compile(r"[^/@\[\]]+")


def _web_address(text: str) -> str:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"must be a URL: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or _UNSEEN.search(text):
        raise ValueError(
            "must be a URL, such as https://HOST:PORT/PATH, without spaces and control characters"
        )
    if "#" in text:  # an HTTP client leaves it out, with all that follows
        raise ValueError("must be a URL without a fragment: write %23 for a # in it")
    return text


def _mail_address(text: str) -> str:
    if not _MAIL.fullmatch(text) or _UNSEEN.search(text):
        raise ValueError("must be a mail address, such as ops@example.org")
    return text


def _host_name(text: str) -> str:
    if not _HOST.fullmatch(text) or _UNSEEN.search(text):
        raise ValueError("must be the name or the IP address of a host, such as mail.example.org")
    return text


WebAddress = Annotated[str, AfterValidator(_web_address)]
MailAddress = Annotated[str, AfterValidator(_mail_address)]
HostName = Annotated[str, AfterValidator(_host_name)]
