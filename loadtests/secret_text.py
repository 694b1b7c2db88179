"""Tokens as they come from a file, a command line or an environment variable."""

from __future__ import annotations


def read_secret(text: str) -> str:
    """The secret without the newlines at its end, which a file or a shell adds.

    Raises ``ValueError``, which does not show the secret, unless an HTTP header can carry it.
    """
    secret = text.rstrip("\r\n")
    if not secret or not all("!" <= character <= "~" for character in secret):
        raise ValueError("must be visible ASCII characters, without spaces")
    return secret
