"""Locust's web UI for the open model: an extra tab with its figures, and a note on fields without effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from flask import Response, request

from loadtests.recording import LoadStatus, combine

_KEY = "open-model"
# Locust greys the two fields out and does not say why.
_NOTE = (
    '<p role="note" style="margin:0;padding:8px 24px;font:14px sans-serif;'
    'background:#fff3cd;color:#1b1f24">'
    "smsbench: the plan of the run decides the load. <i>Number of users</i> and <i>Ramp up</i> have no "
    "effect; press Start.</p>"
)
_ROOT = '<div id="root"></div>'
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

    def with_note(response: Response) -> Response:
        if response.mimetype == "text/html":
            page = response.get_data(as_text=True)
            response.set_data(page.replace(_ROOT, f"{_NOTE}{_ROOT}", 1))
        return response

    def with_rows(response: Response) -> Response:
        if request.path.endswith("/stats/requests") and response.is_json:
            body = msgspec.json.decode(response.get_data())
            body["extended_stats"] = [{"key": _KEY, "data": rows(statuses())}]
            response.set_data(msgspec.json.encode(body))
        return response

    web_ui.app.after_request(with_rows)
    web_ui.app.after_request(with_note)


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
