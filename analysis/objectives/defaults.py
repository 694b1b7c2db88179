"""The objectives of a run that was given none, each with the source of its number, and which are in force.

``loadtests`` imports this module to write them into ``run.json``.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from analysis.objectives.grammar import canonical, parse


class Default(Struct, frozen=True):
    objective: str
    source: str


DEFAULTS = (
    Default(
        "otp.p95<20s",
        "users ask for another code after about 30 s, and a code lives 30 s to 300 s: one that arrives "
        "within 20 s leaves a third of that in reserve",
    ),
    Default("transactional.p95<60s", "CLX expects transactional messages within minutes: one minute"),
    Default(
        "marketing.p95<10min", "CLX expects bulk within 1 h: a sixth of it, so that a campaign can follow"
    ),
    Default("loss=0", "the sender answered for the message when it accepted it"),
    Default("duplicates=0", "a second copy is paid for and annoys its reader"),
    Default("unaccounted=0", "a message that the sender accepted and nobody has seen since"),
    Default("not_taken<=0.1%", "a caller must be able to hand its messages over"),
    Default("availability>99%", "one window of 10 s in a hundred, for a restart or a deployment"),
)
DEFAULT_OBJECTIVES = tuple(each.objective for each in DEFAULTS)
# What no user means to give up by setting a delivery time.
ALWAYS_IN_FORCE = ("loss=0", "duplicates=0", "unaccounted=0")


def in_force(given: Iterable[str]) -> tuple[str, ...]:
    """Canonical. Without any given, the defaults. Given ones take their place; loss, duplicates and
    unaccounted messages stay limited unless they are given too. Raises ``ObjectiveError``.
    """
    chosen = canonical(given)
    if not chosen:
        return DEFAULT_OBJECTIVES
    subjects = {parse(text).subject for text in chosen}
    return (*chosen, *(text for text in ALWAYS_IN_FORCE if parse(text).subject not in subjects))
