"""Settings of Python's garbage collector."""

from __future__ import annotations

import gc

import pytest

from loadtests.garbage import collector_off


@pytest.mark.parametrize("was_on", [True, False])
def test_the_collector_is_off_inside_and_as_before_afterwards(was_on: bool) -> None:
    before = gc.isenabled()
    (gc.enable if was_on else gc.disable)()
    try:
        with pytest.raises(ZeroDivisionError), collector_off():
            assert not gc.isenabled()
            assert gc.get_freeze_count() > 0
            1 / 0  # noqa: B018
        assert gc.isenabled() is was_on
        assert gc.get_freeze_count() == 0
    finally:
        (gc.enable if before else gc.disable)()
