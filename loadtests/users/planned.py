"""The locustfile of ``smsbench run``: runs the plan of ``--plan`` (of any scenario)."""

from loadtests.scenario import Scenario
from loadtests.users.open_model import classes_for

OpenModel, OpenModelLoad = classes_for(Scenario(name="load", title="the plan of --plan", parts=()))
