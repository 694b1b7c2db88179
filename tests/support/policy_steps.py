"""Requests to a sender about campaigns, for the tests of its policy over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from any_hour import policy_at_any_hour
from sender_world import SenderWorld

PRICED = policy_at_any_hour(spending={"cost_per_segment": 0.5})


def ahead(**more: float) -> str:
    return (datetime.now(UTC) + timedelta(**more)).isoformat()


def rows(count: int) -> list[dict[str, str]]:
    return [{"to": f"48500200{number:03d}"} for number in range(count)]


async def campaign(world: SenderWorld, *recipients: Mapping[str, Any], **fields: Any) -> tuple[int, Any]:
    body = {"campaign": "may", "message_class": "marketing", "text": "Sale"} | fields
    status, answer, _ = await world.call("POST", "/v1/campaigns", json=body | {"recipients": recipients})
    return status, answer


async def shown(world: SenderWorld, name: str = "may") -> Any:
    return (await world.call("GET", f"/v1/campaigns/{name}"))[1]


async def control(world: SenderWorld, action: str, name: str = "may", **fields: Any) -> tuple[int, Any]:
    more = {"json": fields} if fields else {}
    status, answer, _ = await world.call("POST", f"/v1/campaigns/{name}/{action}", **more)
    return status, answer
