"""Waits until a change of a campaign has reached its held messages.

The node releases or ends held messages a few hundred at a time, so that other work continues.
"""

from __future__ import annotations

import asyncio

from reference_sender.clock import now_ns
from reference_sender.policy.gate import Gate
from reference_sender.runtime.driver import Driver


async def wait_until_applied(driver: Driver, campaign: str, limit_s: float) -> None:
    """Waits until the change has reached all held messages of ``campaign`` and is on disk, at most
    ``limit_s``.
    """
    try:
        async with asyncio.timeout(limit_s):
            while _is_due(driver.gate, campaign):
                await driver.all_stored()
            await driver.all_stored()
    except TimeoutError:
        return


def _is_due(gate: Gate, campaign: str) -> bool:
    due_ns = gate.next_ns()
    return due_ns is not None and due_ns <= now_ns() and gate.holds_any_of(campaign)
