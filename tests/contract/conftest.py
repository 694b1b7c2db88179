"""The stores that the contract tests run against."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from postgres_server import PostgresServer

from loadtests.storm.store import Disk, ModelStore
from reference_sender.store import Store, open_store

OpenStore = Callable[[], Store]


@pytest.fixture(params=["sqlite", "postgresql", "storm"])
def open_one(request: pytest.FixtureRequest, tmp_path: Path) -> OpenStore:
    """Opens one store. ``storm`` is the store of the fault storms: they prove something about the sender only
    if it does what the real ones do.
    """
    if request.param == "storm":
        return partial(ModelStore, Disk())
    if request.param == "sqlite":
        return partial(open_store, f"sqlite:///{tmp_path}/messages.db")
    server: PostgresServer = request.getfixturevalue("postgres")
    return partial(open_store, server.without_store())


@pytest.fixture
def open_it(open_one: OpenStore) -> Iterator[OpenStore]:
    """Opens the same store each time it is called, as a process would after the one before it ended."""
    opened: list[Store] = []

    def open_again() -> Store:
        for store in opened:
            store.close()
        opened.clear()
        opened.append(open_one())
        return opened[0]

    yield open_again
    for store in opened:
        store.close()
