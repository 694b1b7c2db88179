"""The stages of a message, up to the end of its delivery report, and the transitions between them."""

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

    __hash__ = int.__hash__  # equal ones are equal numbers; Enum's own hash takes six times as long


class Step(IntEnum):
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

    __hash__ = int.__hash__


TRANSITIONS: dict[tuple[Stage, Step], Stage] = {
    (Stage.REFUSED, Step.ACCEPT): Stage.ANSWERING,
    (Stage.ANSWERING, Step.HOLD): Stage.SCHEDULED,
    (Stage.ANSWERING, Step.ENTER): Stage.QUEUED,
    (Stage.ANSWERING, Step.VANISH): Stage.ENDED,  # by a fault: accepted and lost
    (Stage.SCHEDULED, Step.ENTER): Stage.QUEUED,
    (Stage.SCHEDULED, Step.CANCEL): Stage.CLOSED,
    (Stage.QUEUED, Step.HAND_OVER): Stage.AT_CARRIER,
    (Stage.QUEUED, Step.EXPIRE): Stage.ENDED,
    (Stage.AT_CARRIER, Step.DEPART): Stage.ON_AIR,
    (Stage.AT_CARRIER, Step.EXPIRE): Stage.ENDED,
    (Stage.AT_CARRIER, Step.END): Stage.ENDED,  # turned away: the carrier's queue is full
    (Stage.ON_AIR, Step.END): Stage.ENDED,
    (Stage.ENDED, Step.REPORT): Stage.REPORTED,
    (Stage.ENDED, Step.CLOSE): Stage.CLOSED,  # no report wanted, or lost
    (Stage.REPORTED, Step.CONFIRM): Stage.CLOSED,
    (Stage.REPORTED, Step.MISS): Stage.UNCONFIRMED,
    (Stage.UNCONFIRMED, Step.REPORT): Stage.REPORTED,
    (Stage.UNCONFIRMED, Step.CLOSE): Stage.CLOSED,  # given up
}


class IllegalTransitionError(RuntimeError):
    """A step that a message in its stage cannot take: a defect of the engine or its driver."""


class Staged(Protocol):
    stage: Stage


def move(message: Staged, step: Step) -> None:
    """Take ``step``, or raise ``IllegalTransitionError`` and change nothing: the table has no such step."""
    message.stage = after(message.stage, step)


def after(stage: Stage, step: Step) -> Stage:
    """The stage that ``step`` leads to. Raises ``IllegalTransitionError``: the table has no such step.

    For speed, the callers of the most frequent steps compare with the usual stage and assign the next one
    themselves. They call this function for any other stage.
    """
    target = TRANSITIONS.get((stage, step))
    if target is None:
        raise IllegalTransitionError(f"a message cannot {step.name} in stage {stage.name}")
    return target
