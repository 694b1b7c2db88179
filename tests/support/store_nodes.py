"""Stores without senders, and nodes of a store."""

from __future__ import annotations

from collections.abc import Callable

from reference_sender.store import Membership, Store
from reference_sender.store.postgres import PostgresStore

LONG = Membership(routes=("a", "b"), lease_s=600.0)

OpenStore = Callable[[], Store]
Join = Callable[[Membership], PostgresStore]
