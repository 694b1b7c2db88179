"""Nodes of a store, without senders."""

from __future__ import annotations

from collections.abc import Callable

from reference_sender.store import Membership
from reference_sender.store.postgres import PostgresStore

LONG = Membership(routes=("a", "b"), lease_s=600.0)

Join = Callable[[Membership], PostgresStore]
