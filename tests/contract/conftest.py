"""The stores that the contract tests run against."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from postgres_server import PostgresServer
from store_nodes import Join, OpenStore

from loadtests.storm.disk import Disk
from loadtests.storm.store import ModelStore
from reference_sender.store import Membership, Store, open_store
from reference_sender.store.postgres import PostgresStore


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


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.without_store()


@pytest.fixture
def join(url: str) -> Iterator[Join]:
    """Nodes of one store; those that are still there leave at the end."""
    nodes: list[PostgresStore] = []

    def joined(membership: Membership) -> PostgresStore:
        nodes.append(PostgresStore(url, membership))
        return nodes[-1]

    yield joined
    for node in nodes:
        node.close()


@pytest.fixture
def first_dies(postgres: PostgresServer) -> Callable[[], None]:
    """Ends the lease of the node that joined first; the others have renewed theirs for long enough."""

    def end() -> None:
        first = "id = (SELECT min(id) FROM smsbench.node)"
        postgres.sql(f"UPDATE smsbench.node SET alive_until = '-infinity' WHERE {first}")
        postgres.sql(f"UPDATE smsbench.node SET steady_since = '-infinity' WHERE NOT {first}")

    return end
