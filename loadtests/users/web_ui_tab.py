"""An extra tab in Locust's web UI with the figures of the open model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from flask import Response, request

from loadtests.recording import LoadStatus, combine

_KEY = "open-model"
_COLUMNS = {
    "name": "Worker",
    "phase": "Phase",
    "offered_per_s": "Offered/s",
    "planned": "Planned",
    "due": "Due",
    "sent": "Sent",
    "dropped": "Dropped",
    "in_flight": "In flight",
    "accepted": "Accepted",
    "refused": "Refused",
    "failed": "Failed",
    "unfinished": "Unfinished",
    "resent": "Sent again",
    "lag_p50_ms": "Lag p50 (ms)",
    "lag_p99_ms": "Lag p99 (ms)",
    "lag_max_ms": "Lag max (ms)",
}


def add_tab(web_ui: Any, statuses: Callable[[], Mapping[int, LoadStatus]]) -> None:
    """``statuses`` gives each worker's latest status."""
    web_ui.template_args["extended_tabs"] = [{"title": "Open model", "key": _KEY}]
    web_ui.template_args["extended_tables"] = [
        {"key": _KEY, "structure": [{"key": key, "title": title} for key, title in _COLUMNS.items()]}
    ]

    def with_rows(response: Response) -> Response:
        if request.path.endswith("/stats/requests") and response.is_json:
            body = msgspec.json.decode(response.get_data())
            body["extended_stats"] = [{"key": _KEY, "data": rows(statuses())}]
            response.set_data(msgspec.json.encode(body))
        return response

    web_ui.app.after_request(with_rows)


def rows(statuses: Mapping[int, LoadStatus]) -> list[dict[str, str | float]]:
    named = {f"worker {worker}": status for worker, status in sorted(statuses.items())}
    if len(named) != 1:
        named["all"] = combine(statuses.values())
    return [_row(name, status) for name, status in named.items()]


def _row(name: str, status: LoadStatus) -> dict[str, str | float]:
    shown = msgspec.structs.asdict(status) | {"name": name}
    return {
        key: round(value, 1) if isinstance(value, float) else value
        for key, value in shown.items()
        if key in _COLUMNS
    }
