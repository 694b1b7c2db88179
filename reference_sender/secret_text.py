"""Tokens as they come from a command line or an environment variable."""

from __future__ import annotations


def read_secret(text: str) -> str:
    """The secret without the newlines it ends with: those are of the file or the shell it was read from.

    Raises ``ValueError``, which does not show the secret, for what no client could send in an HTTP header.
    """
    secret = text.rstrip("\r\n")
    if not secret:
        raise ValueError("it is empty")
    if not all("!" <= character <= "~" for character in secret):
        raise ValueError(
            "it has a character that cannot be sent in an HTTP header; allowed are visible ASCII characters, "
            "without spaces, and newlines at the end"
        )
    return secret
