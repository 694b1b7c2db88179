"""ladder: days of 5k, 50k and 500k, and the peak of 5 million."""

from loadtests.locustfile import locustfile
from loadtests.parts import LEVELS, TEN_TIMES, Adjustment, day, peak
from loadtests.scenario import Part, Scenario


def _parts() -> tuple[Part, ...]:
    """Each level runs twice: its peak at true speed shows whether delivery is fast enough, and its whole day
    compressed, against a provider that is never the bottleneck, shows how much more the sender sustains. The
    last part is ten times the highest level.
    """
    parts: list[Part] = []
    for name, messages_per_day in LEVELS.items():
        parts.append(peak(name, messages_per_day, 60.0, 90.0))
        parts.append(day(name, messages_per_day, Adjustment(speedup=288.0)))
    return (*parts, peak(*TEN_TIMES, 60.0, 90.0))


SCENARIO = Scenario(
    name="ladder",
    title="5k, 50k, 500k a day: the peak at true speed, the whole day in 5 minutes; the peak of 5 million",
    parts=_parts(),
)
User, Shape = locustfile(SCENARIO, __name__)
