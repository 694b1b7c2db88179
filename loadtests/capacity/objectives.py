"""What the objectives ask of a trial: how many messages it must have for each to be judged."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from loadtests.arrivals import CLASSES, Mix

# A percentile has a 95 % interval with two ends from about 3.7 / (1 - p) messages on: 72 for p95, 368 for p99.
_FOR_AN_INTERVAL = 3.7
_SPARE = 1.25  # classes are drawn: a class of 72 messages on average has 60 in one load of seven
_PERCENTILE = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)\.p(\d{1,2}(?:\.\d{1,4})?)<")


def messages_needed(objective: str, mix: Mix) -> int:
    """Messages of all classes together; 0 for an objective that is no percentile of a class sent here."""
    asked = _PERCENTILE.match(objective)
    if asked is None:
        return 0
    name, share = asked[1], shares(mix)
    of_all = share.get(name, 0.0) if name in share else 1.0
    needed = _FOR_AN_INTERVAL / (1 - float(asked[2]) / 100)
    return math.ceil(_SPARE * needed / of_all) if of_all > 0 else 0


def fewest_messages(objectives: Sequence[str], mix: Mix) -> int:
    """With which every percentile can be judged."""
    return max((messages_needed(each, mix) for each in objectives), default=0)


def is_percentile(objective: str) -> bool:
    return _PERCENTILE.match(objective) is not None


def shares(mix: Mix) -> dict[str, float]:
    weights = dict(zip(CLASSES, (mix.otp, mix.transactional, mix.marketing), strict=True))
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}
