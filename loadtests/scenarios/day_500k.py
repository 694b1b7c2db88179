"""day-500k: 500,000 messages on the business day's curve."""

from loadtests.locustfile import locustfile
from loadtests.parts import day_scenario

SCENARIO = day_scenario("day-500k", 500_000)
User, Shape = locustfile(SCENARIO, __name__)
