"""What a node asks its driver to do. A waiter is the driver's handle of a call that waits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from reference_sender.dispatch.values import AskReport, Hedge, LookUp, Message, Report
from reference_sender.store.protocol import StoreError, Work

Waiter = Any


class Commit(Struct, frozen=True, gc=False):
    """Keep ``work`` in one transaction; without it test the store if ``probe``, else do nothing. After that
    find the ended messages of ``late``. Then call ``Node.committed`` or ``Node.commit_failed``. At most one
    commit is in progress.
    """

    work: Work | None
    probe: bool = False
    late: Sequence[Report] = ()  # for ``NodeStore.ended``


class SubmitNow(Struct, frozen=True, gc=False):
    """Send this request now: its attempt is durable. Then call ``Node.answered`` with ``batch_id``, once."""

    batch_id: int
    route: str
    messages: tuple[Message, ...]


class Acknowledge(Struct, frozen=True, gc=False):
    """Give ``waiter`` its answer: what it waited for is durable, or, for reports, must come again (False)."""

    waiter: Waiter
    answer: Any


class Refuse(Struct, frozen=True, gc=False):
    """Tell ``waiter`` that the store failed: none of its messages is kept."""

    waiter: Waiter
    error: StoreError


NodeEffect = SubmitNow | LookUp | AskReport | Hedge | Acknowledge | Refuse
