"""One start for all workers, and a share for each."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from loadtests.users import start


def test_workers_get_one_start_and_a_share_each() -> None:
    options = SimpleNamespace()
    with pytest.raises(LookupError):
        start.announced_start(options, "a")
    start.announce(options, ["a", "b"])
    first, second = (start.announced_start(options, name) for name in ("a", "b"))
    assert first.start_ns == second.start_ns
    assert [(item.worker, item.workers) for item in (first, second)] == [(0, 2), (1, 2)]
    with pytest.raises(LookupError, match="no share"):
        start.announced_start(options, "c")
