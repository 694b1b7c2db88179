"""Sentences for the reason codes of the providers. Each room has its own, in ``failures.LANGUAGE.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files

from reference_sender.routes import ROUTES


def failure_texts(language: str) -> dict[str, str]:
    """The sentences of all rooms by reason code. The name of a route is the code of its family: the sentence
    for its numeric codes that have none. Raises ``ValueError`` for a code of two rooms.
    """
    rooms = files("reference_sender.routes")
    name = f"failures.{language}.toml"
    return joined(
        {route: tomllib.loads(rooms.joinpath(route, name).read_text(encoding="utf-8")) for route in ROUTES}
    )


def joined(texts_of_routes: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """The sentences of all routes. Raises ``ValueError`` with both routes for a code that two of them have: a
    message's reason does not name its route.
    """
    found: dict[str, str] = {}
    route_of: dict[str, str] = {}
    for route, texts in texts_of_routes.items():
        for code in texts:
            if other := route_of.get(code):
                raise ValueError(
                    f"the routes {other} and {route} both have a sentence for the reason code {code}: "
                    f"a code belongs to one route; name it {route}_{code} in the route {route}"
                )
            route_of[code] = route
        found |= texts
    return found
