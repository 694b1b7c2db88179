"""Why PostgreSQL cannot be reached, as text."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from reference_sender.store import StoreError, open_store
from reference_sender.store.postgres import link


@pytest.fixture
def free_port() -> Iterator[int]:
    """A port at which nothing listens: it is bound, and no other process gets it."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def test_a_refused_connection_is_said_as_text(free_port: int) -> None:
    with pytest.raises(StoreError, match=r"^PostgreSQL cannot be reached: Connection refused$"):
        open_store(f"postgresql://u@127.0.0.1:{free_port}/x")


def test_a_port_out_of_range_is_said() -> None:
    with pytest.raises(StoreError, match="--store: Port out of range 0-65535"):
        open_store("postgresql://u@127.0.0.1:99999/x")


def test_a_fragment_is_refused(free_port: int) -> None:
    with pytest.raises(StoreError, match="^--store: a URL of PostgreSQL has no fragment: write %23"):
        open_store(f"postgresql://u@127.0.0.1:{free_port}/x#y?connect_timeout=1")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
        (TimeoutError(), "no answer in time"),
        (OSError("Multiple exceptions: a, b"), "Multiple exceptions: a, b"),
        (ValueError(), "ValueError"),
    ],
)
def test_an_error_has_words_and_no_number(error: Exception, text: str) -> None:
    assert link.error_text(error) == text
