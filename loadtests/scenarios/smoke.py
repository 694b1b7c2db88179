"""smoke: 20 seconds of all classes.

locust -f loadtests/scenarios/smoke.py --host http://127.0.0.1:PORT
"""

from loadtests.scenarios import catalogue
from loadtests.users.open_model import OpenModelSession, OpenModelShape, OpenModelUser

SESSION = OpenModelSession(catalogue.SMOKE)


class Smoke(OpenModelUser):
    """The dispatcher of each worker."""


class SmokeShape(OpenModelShape):
    session = SESSION
