"""burst: 20,000 marketing messages in 60 seconds, one-time passwords at the same time."""

from loadtests.locustfile import locustfile
from loadtests.parts import burst
from loadtests.scenario import Scenario

SCENARIO = Scenario(
    name="burst",
    title="20,000 marketing messages in 60 seconds with one-time passwords at the same time",
    parts=(burst("burst", 20_000, 60.0, 15.0, 15.0, 300.0),),
)
User, Shape = locustfile(SCENARIO, __name__)
