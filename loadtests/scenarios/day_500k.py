"""day-500k: 500,000 messages on the business day's curve, compressed 288 times.

locust -f loadtests/scenarios/day_500k.py --host http://127.0.0.1:PORT
"""

from loadtests.scenarios import catalogue
from loadtests.users.open_model import OpenModelSession, OpenModelShape, OpenModelUser

SESSION = OpenModelSession(catalogue.scenario("day-500k"))


class Day500k(OpenModelUser):
    """The dispatcher of each worker."""


class Day500kShape(OpenModelShape):
    session = SESSION
