import pytest

from mock_provider.engine.lifecycle import TRANSITIONS, IllegalTransitionError, Stage, Step, move, restore_to
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
    ends = {Stage.CLOSED}
    for _ in Stage:
        ends |= {stage for (stage, _), target in TRANSITIONS.items() if target in ends}
    assert ends == set(Stage)


@pytest.mark.parametrize("kept", Stage, ids=lambda s: s.name)
@pytest.mark.parametrize("stage", Stage, ids=lambda s: s.name)
def test_a_stored_message_goes_back_to_where_its_last_step_is_repeated(kept: Stage, stage: Stage) -> None:
    message = TrackedMessage("k", "smsapi", 1, 0, stage=kept)
    if stage in (Stage.ANSWERING, Stage.ENDED) and kept >= stage:
        restore_to(message, stage)
        assert message.stage is stage
    else:
        with pytest.raises(IllegalTransitionError, match=f"from {kept.name} to {stage.name}"):
            restore_to(message, stage)
        assert message.stage is kept
