"""burst: 20,000 marketing messages in 60 seconds, one-time passwords underneath.

locust -f loadtests/scenarios/burst.py --host http://127.0.0.1:PORT
"""

from loadtests.scenarios import catalogue
from loadtests.users.open_model import OpenModelSession, OpenModelShape, OpenModelUser

SESSION = OpenModelSession(catalogue.BURST)


class Burst(OpenModelUser):
    """The dispatcher of each worker."""


class BurstShape(OpenModelShape):
    session = SESSION
