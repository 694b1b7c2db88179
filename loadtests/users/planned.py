"""The locustfile of ``smsbench run``: it plays the plan of ``--plan``, whatever scenario that is of."""

from loadtests.scenario import Scenario
from loadtests.users.open_model import classes_for

OpenModel, OpenModelLoad = classes_for(Scenario(name="load", title="the plan of --plan", parts=()))
