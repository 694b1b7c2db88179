"""``GET /healthz``: whether the sender can keep a message now, tried out and not assumed."""

from __future__ import annotations

import asyncio

from reference_sender.answers import ApiError
from reference_sender.driver import Driver
from reference_sender.store import StoreError

_PATIENCE_S = 5.0  # a disk that takes longer for one commit keeps no message in time


async def check_health(driver: Driver, patience_s: float = _PATIENCE_S) -> None:
    """Raises ``ApiError`` 503, which says why, unless a message would be kept and sent."""
    check_chores(driver)
    try:
        async with asyncio.timeout(patience_s):
            await driver.commits.check()
    except StoreError as error:
        raise ApiError(503, "store_failed", f"the store cannot keep a message: {error}") from error
    except TimeoutError as error:
        said = f"the store has not finished a commit for {patience_s:g} s"
        raise ApiError(503, "store_failed", said) from error


def check_chores(driver: Driver) -> None:
    """Raises ``ApiError`` 503 if the sender is about to end, since a part of it failed."""
    if driver.chores.failed.is_set():
        raise ApiError(503, "failed", f"{driver.chores.reason}; the sender ends")
