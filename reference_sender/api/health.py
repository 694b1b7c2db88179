"""Whether the store works: ``GET /healthz``, and the wait of an export for the changes before it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from reference_sender.api.answers import ApiError
from reference_sender.runtime.committer import TOO_SLOW_S
from reference_sender.runtime.driver import Driver
from reference_sender.store import StoreError

STORED_WITHIN_S = 10.0  # a commit that fails is tried again once a second
KEPT_WITHIN_S = 5.0  # as long as a campaign's change may take to reach its messages
RETRY_STORE_S = 5


async def check_health(driver: Driver) -> None:
    """Raises ``ApiError`` 503 with the reason unless a message can be stored and sent."""
    check_background_tasks(driver)
    try:
        async with asyncio.timeout(TOO_SLOW_S):
            await driver.check()
    except StoreError as error:
        raise ApiError(503, "store_failed", f"the store cannot keep a message: {error}") from error
    except TimeoutError as error:
        text = f"the store has not finished a commit for {TOO_SLOW_S:g} s"
        raise ApiError(503, "store_failed", text) from error


async def wait_until_kept(driver: Driver, change: Awaitable[None]) -> None:
    """Wait until ``change``, which is in force, is on disk. Raises ``ApiError`` 503 with the reason if that
    takes too long: it is then stored as soon as the store works.
    """
    check_background_tasks(driver)
    try:
        async with asyncio.timeout(KEPT_WITHIN_S):
            await change
    except TimeoutError as error:
        text = (
            "the change is in force in this process, but the store does not keep it yet: "
            f"{_why_not(driver, KEPT_WITHIN_S)}. It is stored as soon as the store works, and lost if the "
            "sender ends before that: send the same request again for an answer"
        )
        raise ApiError(503, "not_stored_yet", text, retry_after_s=RETRY_STORE_S) from error


async def wait_until_stored(driver: Driver) -> None:
    """Wait until every change so far is on disk. Raises ``ApiError`` 503 with the reason if the store does
    not keep them. The store repeats a failed commit without limit.
    """
    check_background_tasks(driver)
    try:
        async with asyncio.timeout(STORED_WITHIN_S):
            await driver.all_stored()
    except TimeoutError as error:
        text = f"the store does not keep the latest changes: {_why_not(driver, STORED_WITHIN_S)}; try again"
        raise ApiError(503, "store_failed", text, retry_after_s=RETRY_STORE_S) from error


def _why_not(driver: Driver, waited_s: float) -> str:
    error = driver.commits.error
    return f"it has not finished a commit for {waited_s:g} s" if error is None else str(error)


def check_background_tasks(driver: Driver) -> None:
    """Raises ``ApiError`` 503 if a part of the sender failed, so that it is about to exit."""
    if driver.background.failed.is_set():
        raise ApiError(503, "failed", f"{driver.background.reason}; the sender exits")
