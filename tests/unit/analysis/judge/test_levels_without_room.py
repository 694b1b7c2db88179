"""Messages that the bench had no room to send, and the answer on ten times the traffic."""

from __future__ import annotations

import msgspec
import pytest
from made_reports import accounting
from made_reports import part as made_part
from made_reports import report as made_report
from screen_texts import answer_text

from analysis.judge.levels import levels


@pytest.mark.parametrize(("no_room", "answer"), [(0, "yes"), (2, "yes"), (30, "undecided")])
def test_messages_that_the_bench_had_no_room_to_send_do_not_prove_ten_times(
    no_room: int, answer: str
) -> None:
    """Of 3,000. The load that was sent met every objective; few missing messages are named."""
    own = made_part("own", messages_per_day=50_000, role="peak_slice", window="peak")
    counted = accounting(dropped=no_room, dropped_at_machine_limit=no_room)
    ten = made_part("ten", messages_per_day=500_000, role="peak_slice", window="peak", accounting=counted)
    own, ten = (
        msgspec.structs.replace(each, equivalent_per_day=float(each.identity.messages_per_day or 0))
        for each in (own, ten)
    )
    found = levels((own, ten))
    assert found[0].ten_times == answer
    assert ("the bench had no room to send 30 of 3,000 messages" in found[0].ten_times_why) == (no_room == 30)
    assert found[0].highest_sustained_per_day == (500_000 if answer == "yes" else 50_000)
    made = msgspec.structs.replace(made_report(own, ten), levels=found)
    told = f"{no_room} of 3,000 messages were not sent: the bench had no room for them."
    assert (told in answer_text(made, "ten_times")) == (no_room > 0)
