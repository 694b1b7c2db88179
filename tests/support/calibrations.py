"""What ``smsbench calibrate`` has written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def rows_of(out: Path, *groups: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    document = json.loads((out / "calibration.json").read_text())
    assert {m["group"] for m in document["measurements"]} == set(groups)
    return document, [row for m in document["measurements"] for row in m["rows"]]
