"""Makes a scenario's file a locustfile."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from loadtests.scenario import Scenario

if TYPE_CHECKING:
    from loadtests.users.open_model import OpenModelShape, OpenModelUser

_LOCUST = "locust.main"  # the module of Locust's command, imported by nothing else


def locustfile(
    scenario: Scenario, module: str
) -> tuple[type[OpenModelUser] | None, type[OpenModelShape] | None]:
    """The user class and the shape class that Locust looks for in a locustfile.

    ``module`` is the ``__name__`` of the scenario's file.

    (None, None) outside the ``locust`` command: there a scenario's file is read for its ``SCENARIO``, and
    importing Locust would patch the standard library. (None, None) also if another locustfile imports the
    file: Locust names the file that it loads itself after its stem, without a package.
    """
    if _LOCUST not in sys.modules or "." in module:
        return None, None
    from loadtests.users.open_model import classes_for

    return classes_for(scenario)
