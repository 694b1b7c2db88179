"""The workers' figures in Locust's web UI."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

from flask import Flask

from loadtests.recording import (
    LoadStatus,
    combine,
)
from loadtests.users.web_ui_tab import add_tab, rows


def test_the_tab_has_a_row_per_worker_and_one_for_all() -> None:
    statuses = {1: LoadStatus(due=2, lag_p99_ms=1.26), 0: LoadStatus(due=3, lag_p99_ms=0.5)}
    shown = rows(statuses)
    assert [(row["name"], row["due"], row["lag_p99_ms"]) for row in shown] == [
        ("worker 0", 3, 0.5),
        ("worker 1", 2, 1.3),
        ("all", 5, 1.3),
    ]
    assert combine(statuses.values()).due == 5


def test_the_start_page_says_that_the_fields_of_users_have_no_effect() -> None:
    """Locust's own page; its data has no note."""
    locust = find_spec("locust")  # an import would patch the standard library
    assert locust is not None and locust.submodule_search_locations is not None
    page = (Path(locust.submodule_search_locations[0]) / "webui" / "dist" / "index.html").read_text()
    app = Flask(__name__)
    app.add_url_rule("/", "index", lambda: page)
    app.add_url_rule("/stats/requests", "stats", lambda: {"stats": []})
    add_tab(SimpleNamespace(app=app, template_args={}), dict)
    client = app.test_client()
    shown = client.get("/").get_data(as_text=True)
    note = shown.index("<i>Number of users</i> and <i>Ramp up</i> have no effect; press Start.")
    assert note < shown.index('<div id="root"></div>')
    assert shown.count('role="note"') == 1
    assert "no effect" not in client.get("/stats/requests").get_data(as_text=True)
