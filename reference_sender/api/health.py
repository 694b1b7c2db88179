"""Whether the store works: ``GET /healthz``, and the wait of an export for the changes before it."""

from __future__ import annotations

import asyncio

from reference_sender.api.answers import ApiError
from reference_sender.runtime.driver import Driver
from reference_sender.store import StoreError

_PATIENCE_S = 5.0  # a disk that needs longer for one commit is too slow
SETTLE_S = 10.0  # a commit that fails is tried again once a second
RETRY_STORE_S = 5


async def check_health(driver: Driver, patience_s: float = _PATIENCE_S) -> None:
    """Raises ``ApiError`` 503 with the reason unless a message can be stored and sent."""
    check_chores(driver)
    try:
        async with asyncio.timeout(patience_s):
            await driver.check()
    except StoreError as error:
        raise ApiError(503, "store_failed", f"the store cannot keep a message: {error}") from error
    except TimeoutError as error:
        text = f"the store has not finished a commit for {patience_s:g} s"
        raise ApiError(503, "store_failed", text) from error


async def settle(driver: Driver) -> None:
    """Wait until every change so far is on disk. Raises ``ApiError`` 503 with the reason if the store does
    not keep them. The store repeats a failed commit without limit.
    """
    check_chores(driver)
    try:
        async with asyncio.timeout(SETTLE_S):
            await driver.settled()
    except TimeoutError as error:
        reason = driver.commits.error or f"it has not finished a commit for {SETTLE_S:g} s"
        text = f"the store does not keep the latest changes: {reason}; try again"
        raise ApiError(503, "store_failed", text, retry_after_s=RETRY_STORE_S) from error


def check_chores(driver: Driver) -> None:
    """Raises ``ApiError`` 503 if a part of the sender failed, so that it is about to exit."""
    if driver.chores.failed.is_set():
        raise ApiError(503, "failed", f"{driver.chores.reason}; the sender exits")
