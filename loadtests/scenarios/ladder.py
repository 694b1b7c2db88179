"""ladder: 5k, 50k and 500k a day one after another.

locust -f loadtests/scenarios/ladder.py --host http://127.0.0.1:PORT
"""

from loadtests.scenarios import catalogue
from loadtests.users.open_model import OpenModelSession, OpenModelShape, OpenModelUser

SESSION = OpenModelSession(catalogue.LADDER)


class Ladder(OpenModelUser):
    """The dispatcher of each worker."""


class LadderShape(OpenModelShape):
    session = SESSION
