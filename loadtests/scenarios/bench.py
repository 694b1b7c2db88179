"""bench: days, their peaks, a burst and campaigns (docs/bench.md).

locust -f loadtests/scenarios/bench.py --host http://127.0.0.1:PORT
"""

from loadtests.scenarios import catalogue
from loadtests.users.open_model import OpenModelSession, OpenModelShape, OpenModelUser

SESSION = OpenModelSession(catalogue.BENCH)


class Bench(OpenModelUser):
    """The dispatcher of each worker."""


class BenchShape(OpenModelShape):
    session = SESSION
