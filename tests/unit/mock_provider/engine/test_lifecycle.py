import pytest

from mock_provider.engine.lifecycle import TRANSITIONS, IllegalTransitionError, Stage, Step, move
from mock_provider.engine.message import TrackedMessage


@pytest.mark.parametrize("stage", Stage, ids=lambda s: s.name)
@pytest.mark.parametrize("step", Step, ids=lambda s: s.name)
def test_every_step_not_in_the_table_raises_and_changes_nothing(stage: Stage, step: Step) -> None:
    message = TrackedMessage("k", "smsapi", 1, 0, stage=stage)
    if (stage, step) in TRANSITIONS:
        move(message, step)
        assert message.stage is TRANSITIONS[stage, step]
    else:
        with pytest.raises(IllegalTransitionError, match=stage.name):
            move(message, step)
        assert message == TrackedMessage("k", "smsapi", 1, 0, stage=stage)


def test_every_stage_leads_to_closed() -> None:
    ends, steps = {Stage.CLOSED}, TRANSITIONS.items()
    for _ in Stage:
        ends |= {stage for (stage, step), target in steps if target in ends and step is not Step.REDO}
    assert ends == set(Stage)


def test_a_stored_message_goes_back_and_never_ahead() -> None:
    restored = {stage: target for (stage, step), target in TRANSITIONS.items() if step is Step.REDO}
    assert all(target <= stage for stage, target in restored.items())
    assert set(restored.values()) == {Stage.ANSWERING, Stage.ENDED}
    assert set(Stage) - set(restored) == {Stage.REFUSED, Stage.ON_AIR, Stage.CLOSED}
