"""smoke: 20 seconds of all classes."""

from loadtests.arrivals import Mix, Poisson, Stream
from loadtests.locustfile import locustfile
from loadtests.scenario import Part, Scenario

SCENARIO = Scenario(
    name="smoke",
    title="20 seconds of all classes at 20 messages per second, to check the set-up",
    parts=(
        Part(
            slug="smoke",
            title="20 seconds of all classes",
            role="plain",
            profile="fast",
            streams=(Stream(Poisson(20.0, 20.0), mix=Mix(1.0, 1.0, 1.0), campaign="smoke"),),
            drain_timeout_s=20.0,
        ),
    ),
)
User, Shape = locustfile(SCENARIO, __name__)
