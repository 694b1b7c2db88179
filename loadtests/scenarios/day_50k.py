"""day-50k: 50,000 messages on the business day's curve, compressed 288 times.

locust -f loadtests/scenarios/day_50k.py --host http://127.0.0.1:PORT
"""

from loadtests.scenarios import catalogue
from loadtests.users.open_model import OpenModelSession, OpenModelShape, OpenModelUser

SESSION = OpenModelSession(catalogue.scenario("day-50k"))


class Day50k(OpenModelUser):
    """The dispatcher of each worker."""


class Day50kShape(OpenModelShape):
    session = SESSION
