"""The number of messages that a trial needs so that each objective can be judged."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from loadtests.arrivals import CLASSES, DAY_MIX, Mix
from loadtests.capacity.bracket import SearchSettings
from user_input.decimal_points import decimal_comma

# From 3.7 / (1 - p) messages on, a percentile has a 95 % interval with two ends: 72 for p95, 368 for p99.
_FOR_AN_INTERVAL = 3.7
_SPARE = 1.25  # classes are drawn: a class of 72 messages on average has 60 in one load of seven
LONGEST_TRIAL_S = 600.0
_HEAVIEST = 1_000_000.0
_PERCENTILE = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)\.p(\d{1,2}(?:\.\d{1,4})?)<")
_SHARE_OR_PRICE = re.compile(r"(?:[A-Za-z][A-Za-z0-9_-]*\.)?(?:delivered|cost_per_1000)[<>]")


def narrows(objective: str) -> bool:
    """Whether it is of a share of messages or of a price: any number of messages has an interval."""
    return _SHARE_OR_PRICE.match(objective) is not None


def messages_needed(objective: str, mix: Mix) -> int:
    """Messages of all classes together. 0: the objective is not a percentile of a class of the load."""
    asked = _PERCENTILE.match(objective)
    if asked is None:
        return 0
    name, share = asked[1], shares(mix)
    of_all = share.get(name, 0.0) if name in share else 1.0
    needed = _FOR_AN_INTERVAL / (1 - float(asked[2]) / 100)
    return math.ceil(_SPARE * needed / of_all) if of_all > 0 else 0


def fewest_messages(objectives: Sequence[str], mix: Mix) -> int:
    """The number of messages with which every percentile can be judged."""
    return max((messages_needed(each, mix) for each in objectives), default=0)


def what_judges(
    objectives: Sequence[str], mix: Mix, rate_per_s: float, settings: SearchSettings
) -> tuple[str, ...]:
    """Each option with which trials of this rate have enough messages for all these percentiles."""
    needed = fewest_messages(objectives, mix)
    if not needed or not all(messages_needed(each, mix) for each in objectives):
        return ()
    found = []
    trial_s = math.ceil(needed / rate_per_s * settings.trial_s / settings.longest_s)
    if trial_s <= LONGEST_TRIAL_S:
        found.append(f"--trial-s {trial_s}")
    classes = {each.partition(".")[0] for each in objectives}
    if len(classes) == 1 and (name := classes.pop()) in CLASSES:
        alone = read_mix(f"{name}=1")
        if alone != mix and fewest_messages(objectives, alone) <= rate_per_s * settings.longest_s:
            found.append(f"--mix {name}=1")
    return tuple(found)


def read_mix(text: str) -> Mix:
    """``otp=1,marketing=3``; empty: the day's mix. Raises ``ValueError``."""
    if not text:
        return DAY_MIX
    if wrong := decimal_comma(text):
        raise ValueError(wrong)
    weights: dict[str, float] = {}
    for piece in text.split(","):
        name, _, number = (each.strip() for each in piece.partition("="))
        if name not in CLASSES:
            raise ValueError(f"{name!r} is not a class; allowed: {', '.join(CLASSES)}")
        if name in weights:
            raise ValueError(f"{name} is given twice")
        try:
            weight = float(number)
        except ValueError:
            weight = -1.0
        if not 0 <= weight <= _HEAVIEST:
            raise ValueError(f"the share of {name} must be a number from 0 to {_HEAVIEST:g}, not {number!r}")
        weights[name] = weight
    if not any(weights.values()):
        raise ValueError("all shares are 0")
    return Mix(**weights)


def shares(mix: Mix) -> dict[str, float]:
    weights = dict(zip(CLASSES, (mix.otp, mix.transactional, mix.marketing), strict=True))
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}
