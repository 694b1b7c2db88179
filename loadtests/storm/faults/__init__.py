"""The kinds of faults, one module each. A module with a ``KIND`` in this package is found."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from loadtests.storm.fault import Fault

KINDS: tuple[type[Fault], ...] = tuple(
    import_module(f"{__name__}.{module.name}").KIND
    for module in sorted(iter_modules(__path__), key=lambda module: module.name)
)
NAMES: tuple[str, ...] = tuple(name for kind in KINDS for name in kind.names)
