"""day-5k: 5,000 messages on the business day's curve."""

from loadtests.locustfile import locustfile
from loadtests.parts import day_scenario

SCENARIO = day_scenario("day-5k", 5_000)
User, Shape = locustfile(SCENARIO, __name__)
