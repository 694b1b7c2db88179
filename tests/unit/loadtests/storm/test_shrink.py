"""Delta debugging: what is left still fails, and nothing of it can be left out."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from loadtests.storm.shrink import smallest


@pytest.mark.parametrize("needed", [{3}, {0, 9}, {1, 2, 7}, set(range(10)), set()])
def test_only_what_is_needed_is_left(needed: set[int]) -> None:
    tries: list[Sequence[int]] = []

    def fails(some: list[int]) -> bool:
        tries.append(some)
        return needed <= set(some)

    assert smallest(list(range(10)), fails) == sorted(needed)
    assert len(tries) < 100
