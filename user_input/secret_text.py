"""Tokens and passwords as they come from a file, a command line or an environment variable."""

from __future__ import annotations


def read_secret(text: str) -> str:
    """The secret without the newlines at its end, which a file or a shell adds.

    Raises ``ValueError``, which does not show the secret, unless an HTTP header can carry it.
    """
    secret = text.rstrip("\r\n")
    if not secret:
        raise ValueError("it is empty")
    if not all("!" <= character <= "~" for character in secret):
        raise ValueError(
            "it has a character that is not allowed: give printable ASCII without spaces; newlines at the "
            "end are removed"
        )
    return secret
