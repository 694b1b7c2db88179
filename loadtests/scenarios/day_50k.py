"""day-50k: 50,000 messages on the business day's curve."""

from loadtests.locustfile import locustfile
from loadtests.parts import day_scenario

SCENARIO = day_scenario("day-50k", 50_000)
User, Shape = locustfile(SCENARIO, __name__)
