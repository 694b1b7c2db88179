"""Routes: the providers that the sender can use. Each room below is one, found by its ``DEFINITION``."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules

from reference_sender.routes.protocol import RouteDefinition


def _definitions() -> Mapping[str, RouteDefinition]:
    rooms = sorted(module.name for module in iter_modules(__path__) if module.ispkg)
    found = [import_module(f"{__name__}.{room}").DEFINITION for room in rooms]
    return {definition.name: definition for definition in found}


ROUTES = _definitions()
DEFAULT_ROUTE = "smsapi"  # of a run or a simulation without a chosen route
