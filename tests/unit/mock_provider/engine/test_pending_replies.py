"""Many replies that have not left: their messages do not keep their draws, and end as they would have."""

from __future__ import annotations

import pytest
from virtual import fixed, virtual_provider

from mock_provider.engine.draws import Draws

KEPT = 1_000  # pending replies whose messages keep their draws
COUNT = KEPT + 50
DELIVERY = {"latency": {"kind": "uniform", "low_s": 1.0, "high_s": 9.0}}
KEYS = [f"k-{number}" for number in range(COUNT)]


def ends(pause_s: float) -> dict[str, tuple[str, str, int]]:
    """Of each message: its id, its state, and the time from its reply to its end."""
    p = virtual_provider(reply={"latency": fixed(1.0)}, delivery=DELIVERY)
    for number, key in enumerate(KEYS):
        p.send(number * pause_s, key)
    p.run()
    rows = {key: row for (key, _), row in p.rows().items()}
    return {
        key: (row.provider_id, row.state, (row.t_final_ns or 0) - (row.t_carrier_ns or 0))
        for key, row in rows.items()
    }


def test_draws_of_messages_whose_replies_wait_are_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    message = Draws.message

    def counted(self: Draws, key: str, ordinal: int) -> bytes:
        drawn.append(key)
        return message(self, key, ordinal)

    monkeypatch.setattr(Draws, "message", counted)
    one_by_one = ends(pause_s=2.0)
    assert sorted(drawn) == sorted(KEYS)
    drawn.clear()
    at_once = ends(pause_s=0.0)
    assert sorted(drawn) == sorted(KEYS + KEYS[KEPT:])
    assert at_once == one_by_one
    assert {state for _, state, _ in at_once.values()} == {"delivered"}
