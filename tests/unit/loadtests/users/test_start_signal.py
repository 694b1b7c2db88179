"""One start for all workers, and a share for each."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from loadtests.users import start_signal


def test_workers_get_one_start_and_a_share_each() -> None:
    options = SimpleNamespace()
    with pytest.raises(LookupError):
        start_signal.announced_start(options, "a")
    start_signal.announce(options, ["a", "b"])
    first, second = (start_signal.announced_start(options, name) for name in ("a", "b"))
    assert first.start_ns == second.start_ns
    assert [(item.worker, item.workers) for item in (first, second)] == [(0, 2), (1, 2)]
    with pytest.raises(LookupError, match="no share"):
        start_signal.announced_start(options, "c")
