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
    ends = {Stage.CLOSED}
    for _ in Stage:
        ends |= {stage for (stage, _), target in TRANSITIONS.items() if target in ends}
    assert ends == set(Stage)
