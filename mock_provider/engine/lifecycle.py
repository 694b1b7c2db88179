"""The stages of a message at the provider, up to the end of its delivery report.

Every change of a message's stage is one call of ``move``. Nothing else assigns a stage
(``tests/test_architecture.py``).

    REFUSED -accept-> ANSWERING -enter-> QUEUED -hand over-> AT_CARRIER -depart-> ON_AIR -end-> ENDED
    ENDED -report-> REPORTED -confirm-> CLOSED
"""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol


class Stage(IntEnum):
    REFUSED = 0  # seen, never accepted
    ANSWERING = 1  # accepted; the reply has not left
    SCHEDULED = 2
    QUEUED = 3  # accept queue
    AT_CARRIER = 4  # carrier's queue
    ON_AIR = 5
    ENDED = 6  # at the handset or failed; its report has not left
    REPORTED = 7  # report sent, not answered
    UNCONFIRMED = 8  # the receiver did not confirm; to be sent again
    CLOSED = 9


class Step(IntEnum):
    after: dict[Stage, Stage]  # the stage that follows, by the present one

    ACCEPT = 0
    HOLD = 1
    ENTER = 2
    CANCEL = 3
    HAND_OVER = 4
    DEPART = 5
    EXPIRE = 6
    END = 7
    REPORT = 8
    CONFIRM = 9
    MISS = 10
    CLOSE = 11
    VANISH = 12
    REDO = 13


# Members under names of their own, for code that runs for every message: in Python 3.11 an attribute of an
# enum class takes 65 ns longer than a global name, in 3.12 and 3.13 about 10 ns. Without 3.11 these names are
# not needed.
REFUSED, ANSWERING, SCHEDULED, QUEUED, AT_CARRIER, ON_AIR, ENDED, REPORTED, UNCONFIRMED, CLOSED = Stage
ACCEPT, HOLD, ENTER, CANCEL, HAND_OVER, DEPART, EXPIRE, END, REPORT, CONFIRM, MISS, CLOSE, VANISH, REDO = Step

TRANSITIONS: dict[tuple[Stage, Step], Stage] = {
    (REFUSED, ACCEPT): ANSWERING,
    (ANSWERING, HOLD): SCHEDULED,
    (ANSWERING, ENTER): QUEUED,
    (ANSWERING, VANISH): ENDED,  # by a fault: accepted and lost
    (SCHEDULED, ENTER): QUEUED,
    (SCHEDULED, CANCEL): CLOSED,
    (QUEUED, HAND_OVER): AT_CARRIER,
    (QUEUED, EXPIRE): ENDED,
    (AT_CARRIER, DEPART): ON_AIR,
    (AT_CARRIER, EXPIRE): ENDED,
    (AT_CARRIER, END): ENDED,  # undelivered: the carrier's queue is full
    (ON_AIR, END): ENDED,
    (ENDED, REPORT): REPORTED,
    (ENDED, CLOSE): CLOSED,  # no report wanted, or lost
    (REPORTED, CONFIRM): CLOSED,
    (REPORTED, MISS): UNCONFIRMED,
    (UNCONFIRMED, REPORT): REPORTED,
    (UNCONFIRMED, CLOSE): CLOSED,  # given up
    # A message of a stored state repeats its last step. On the air and when closed, it stays as it is.
    (ANSWERING, REDO): ANSWERING,
    (SCHEDULED, REDO): ANSWERING,
    (QUEUED, REDO): ANSWERING,
    (AT_CARRIER, REDO): ANSWERING,
    (ENDED, REDO): ENDED,
    (REPORTED, REDO): ENDED,
    (UNCONFIRMED, REDO): ENDED,
}

# The same by step: a lookup creates no tuple.
for _step in Step:
    _step.after = {stage: TRANSITIONS[stage, _step] for stage in Stage if (stage, _step) in TRANSITIONS}


class IllegalTransitionError(RuntimeError):
    """A step that is not possible in the message's stage: a defect of the engine or its driver."""


class HasStage(Protocol):
    stage: Stage


def move(message: HasStage, step: Step) -> None:
    """Take ``step``. If the table has no such step, raises ``IllegalTransitionError`` and changes nothing."""
    try:
        message.stage = step.after[message.stage]
    except KeyError:
        error = f"a message cannot {step.name} in stage {message.stage.name}"
        raise IllegalTransitionError(error) from None
