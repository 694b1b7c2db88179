"""The stores that the contract tests run against."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from postgres_server import PostgresServer

from reference_sender.store import Store, open_store

OpenStore = Callable[[], Store]


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/messages.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.without_store()


@pytest.fixture
def open_it(store_url: str) -> Iterator[OpenStore]:
    """Opens the same store each time it is called, as a process would after the one before it ended."""
    opened: list[Store] = []

    def open_again() -> Store:
        for store in opened:
            store.close()
        opened.clear()
        opened.append(open_store(store_url))
        return opened[0]

    yield open_again
    for store in opened:
        store.close()
