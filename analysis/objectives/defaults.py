"""The default objectives, each with the reason for its number.

``loadtests`` imports this module to write them into ``run.json``.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from analysis.objectives.grammar import canonical, parse


class Default(Struct, frozen=True):
    objective: str
    reason: str


DEFAULTS = (
    Default(
        "otp.p95<20s",
        "a choice of smsbench: well within the shortest time for which codes are usually valid, 30 s",
    ),
    Default(
        "transactional.p95<60s",
        "a choice of smsbench: a notification is of use within a minute",
    ),
    Default(
        "marketing.p95<10min",
        "a choice of smsbench: ten minutes do not matter to a campaign that takes a whole day",
    ),
    Default("loss=0", "a sender that accepts a message is responsible for it"),
    Default("duplicates=0", "a duplicate costs money and annoys its recipient"),
    Default("unaccounted=0", "an accepted message must not disappear"),
    Default("not_taken<=0.1%", "a caller must be able to submit its messages"),
    Default("availability>99%", "one window of 10 s in a hundred, for a restart or a deployment"),
)
DEFAULT_OBJECTIVES = tuple(each.objective for each in DEFAULTS)
CLASS_DEFAULTS = tuple(text for text in DEFAULT_OBJECTIVES if parse(text).measure == "delivery_time")
# They apply also if the user sets other objectives.
ALWAYS_JUDGED = ("loss=0", "duplicates=0", "unaccounted=0", "not_taken<=0.1%")


def with_defaults(given: Iterable[str]) -> tuple[str, ...]:
    """The objectives that apply, in canonical form: ``given``, or the defaults if none is given.

    Loss, duplicates, unaccounted messages and messages that were not taken stay limited unless they are
    given: the delivery times of accepted messages say nothing of the others. Raises ``ObjectiveError``.
    """
    chosen = canonical(given)
    if not chosen:
        return DEFAULT_OBJECTIVES
    subjects = {parse(text).subject for text in chosen}
    return (*chosen, *(text for text in ALWAYS_JUDGED if parse(text).subject not in subjects))
