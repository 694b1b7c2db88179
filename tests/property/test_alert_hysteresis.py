"""One fault, one alert, one all-clear, whatever the values are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reference_sender.alerts.hysteresis import Hysteresis
from reference_sender.alerts.rules import Rule

ABOVE, CLEAR = 10.0, 4.0
STEPS = st.lists(st.tuples(st.integers(1, 30), st.sampled_from([0.0, CLEAR, 5.0, ABOVE, 11.0])), max_size=60)


@given(STEPS, st.sampled_from([0, 10, 60]))
def test_alerts_and_all_clears_alternate_and_are_justified(
    steps: list[tuple[int, float]], for_s: int
) -> None:
    rule, state = Rule(above=ABOVE, clear=CLEAR, for_s=for_s), Hysteresis()
    at_s, seen, changes_s = 0, [], [-1]
    for spent_s, value in steps:
        at_s += spent_s
        seen.append((at_s, value))
        was = state.active
        if not state.changed(rule, at_s, value):
            assert state.active == was
            continue
        assert state.active != was
        # Since some sample at least ``for_s`` ago, and after the last change, every value asked for it.
        asking = []
        for sample_s, sample in reversed(seen):
            asks = sample > ABOVE if state.active else sample <= CLEAR
            if not asks or sample_s <= changes_s[-1]:
                break
            asking.append(sample_s)
        assert asking[0] - asking[-1] >= for_s
        changes_s.append(at_s)


@given(STEPS, st.sampled_from([0, 10]))
def test_a_value_that_stays_beyond_the_limit_is_reported_in_time(
    steps: list[tuple[int, float]], for_s: int
) -> None:
    rule, state = Rule(above=ABOVE, clear=CLEAR, for_s=for_s), Hysteresis()
    at_s = 0
    for spent_s, value in steps:
        at_s += spent_s
        state.changed(rule, at_s, value)
    for wanted, value in ((True, 11.0), (False, 0.0)):
        state.changed(rule, at_s + 1, value)
        state.changed(rule, at_s + 1 + for_s, value)
        assert state.active is wanted
        at_s += 2 + for_s


@given(st.lists(st.floats(4.001, 10), max_size=50))
def test_between_the_limits_nothing_is_reported(values: list[float]) -> None:
    rule = Rule(above=ABOVE, clear=CLEAR, for_s=0)
    quiet, alert = Hysteresis(), Hysteresis()
    assert alert.changed(rule, 0, 11.0)
    assert not any(
        state.changed(rule, 1.0 + number, value)
        for state in (quiet, alert)
        for number, value in enumerate(values)
    )
