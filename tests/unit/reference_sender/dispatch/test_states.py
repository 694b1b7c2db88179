from __future__ import annotations

import pytest

from reference_sender.dispatch.states import RANK, TRANSITIONS, IllegalStateChangeError, moved, raises_rank
from reference_sender.dispatch.values import FINAL_STATES, State

PAIRS = [(current, new) for current in State for new in State]


@pytest.mark.parametrize(("current", "new"), PAIRS, ids=lambda state: state.value)
def test_only_the_table_s_transitions_are_made(current: State, new: State) -> None:
    if new in TRANSITIONS[current]:
        assert moved(current, new) is new
    else:
        with pytest.raises(IllegalStateChangeError, match=f"{current.value} -> {new.value}"):
            moved(current, new)


@pytest.mark.parametrize(("current", "new"), PAIRS, ids=lambda state: state.value)
def test_a_report_never_takes_a_message_back(current: State, new: State) -> None:
    if current in FINAL_STATES and raises_rank(current, new):
        assert new is State.DELIVERED
        assert new in TRANSITIONS[current]


def test_no_transition_lowers_the_rank() -> None:
    assert all(RANK[new] >= RANK[current] for current in TRANSITIONS for new in TRANSITIONS[current])
