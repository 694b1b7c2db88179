"""Sentences for the reason codes of the providers. Each room has its own, in ``failures.LANGUAGE.toml``."""

from __future__ import annotations

import tomllib
from importlib.resources import files

from reference_sender.routes import ROUTES


def failure_texts(language: str) -> dict[str, str]:
    """The sentences of all rooms by reason code. The name of a route is the code of its family: the sentence
    for its numeric codes that have none. Raises ``ValueError`` for a code of two rooms.
    """
    found: dict[str, str] = {}
    for name in ROUTES:
        path = files("reference_sender.routes").joinpath(name, f"failures.{language}.toml")
        texts = tomllib.loads(path.read_text(encoding="utf-8"))
        if twice := found.keys() & texts.keys():
            raise ValueError(f"route {name}: another route has a sentence for {', '.join(sorted(twice))}")
        found |= texts
    return found
