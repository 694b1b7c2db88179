"""How often a provider accepted each key."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa


def accepts(journal: Path) -> Counter[str]:
    """How often the provider accepted each key, from the last row of each message."""
    with pa.ipc.open_stream(journal.read_bytes()) as stream:
        rows = stream.read_all().select(["key", "provider_id", "accepts"]).to_pylist()
    last = {(row["key"], row["provider_id"]): row["accepts"] for row in rows if row["provider_id"]}
    counted: Counter[str] = Counter()
    for (key, _), count in last.items():
        counted[key] += count
    return counted
