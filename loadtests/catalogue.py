"""The scenarios: those of ``loadtests/scenarios/``, and the user's files.

Does not import Locust, so that the list is quick.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
import pkgutil
import re
import runpy
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from loadtests import scenarios
from loadtests.parts import Adjustment, adjusted
from loadtests.scenario import Scenario, ScenarioError
from loadtests.scenario_errors import unknown_argument_text

_VOLUME = re.compile(r"(?:day[-_ ]?)?([0-9]{1,12}(?:\.[0-9]{1,3})?)(k|m|)").fullmatch  # day-1m, day-20000, 6k
_CLOSE = 0.75  # one wrong letter of four; names with more differences are not suggested
_NAME = "SCENARIO"
_WHAT_TO_DO = f'define {_NAME} = Scenario(...) in it (docs/load.md, "A scenario of your own")'


@cache
def _own() -> Mapping[str, Scenario]:
    """The scenarios of ``loadtests/scenarios/`` by name: days by their size, then the others."""
    found = [
        _scenario_in(vars(importlib.import_module(f"{scenarios.__name__}.{module.name}")), module.name)
        for module in pkgutil.iter_modules(scenarios.__path__)
    ]
    found.sort(key=lambda item: (item.messages_per_day is None, item.messages_per_day or 0, item.name))
    return {item.name: item for item in found}


def names() -> tuple[str, ...]:
    return tuple(_own())


def scenario(name: str, adjustment: Adjustment | None = None) -> Scenario:
    """The scenario of that name, or of that Python file. Raises ``ScenarioError`` with the list of scenarios,
    or the error in the file or the adjustment.
    """
    if _is_path(name):
        found = read_file(Path(name))
    elif name in _own():
        found = _own()[name]
    else:
        raise ScenarioError(
            f"there is no scenario {name!r}; {_meant(name)}there are: {', '.join(names())}. "
            "Name a file of your own by its path: ./my_scenario.py"
        )
    return adjusted(found, adjustment or Adjustment())


def read_file(path: Path) -> Scenario:
    """The ``SCENARIO`` of a Python file. Runs the file, which may import modules beside it. Raises
    ``ScenarioError``.
    """
    if not path.is_file():
        what = "is a directory" if path.is_dir() else "does not exist"
        raise ScenarioError(f"scenario file {path} {what}")
    try:
        with _imports_from(path.resolve().parent):
            found = runpy.run_path(str(path), run_name=path.stem)
    except ScenarioError as error:
        raise ScenarioError(f"scenario file {path}: {error}") from error
    except (Exception, SystemExit) as error:  # the file's exit code would look like a verdict
        line = _line_of(error, path)
        where = f"{path}, line {line}," if line is not None else str(path)
        unknown = unknown_argument_text(error, path) if isinstance(error, Exception) else ""
        if unknown:
            raise ScenarioError(f"scenario file {where.rstrip(',')}: {unknown}") from error
        raise ScenarioError(f"scenario file {where} fails: {type(error).__name__}: {error}") from error
    return _scenario_in(found, str(path))


def _line_of(error: BaseException, path: Path) -> int | None:
    """The line of the file at which it failed, even if the error is in a module that it calls."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if frame.filename == str(path)), None)


@contextmanager
def _imports_from(directory: Path) -> Iterator[None]:
    """``directory`` is first on the module path, as with ``locust -f``. Its modules are forgotten afterwards:
    the next file may have another module of the same name beside it.
    """
    known = set(sys.modules)
    sys.path.insert(0, str(directory))
    try:
        yield
    finally:
        sys.path.remove(str(directory))
        for name in set(sys.modules) - known:
            if _is_below(directory, sys.modules[name]) and name.partition(".")[0] not in known:
                _forget_if_unreachable(name)


def _is_below(directory: Path, module: ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and Path(file).is_relative_to(directory)


def _forget_if_unreachable(name: str) -> None:
    """A module that is found without the directory, as those of a checkout are, stays."""
    module = sys.modules.pop(name)
    if importlib.util.find_spec(name.partition(".")[0]) is not None:
        sys.modules[name] = module


def _scenario_in(module: Mapping[str, Any], file: str) -> Scenario:
    if _NAME not in module:
        raise ScenarioError(f"scenario file {file} has no {_NAME}; {_WHAT_TO_DO}")
    found = module[_NAME]
    if not isinstance(found, Scenario):
        raise ScenarioError(
            f"scenario file {file}: {_NAME} has the type {type(found).__name__}, not Scenario; {_WHAT_TO_DO}"
        )
    if not found.parts:
        raise ScenarioError(f"scenario file {file}: {_NAME} has no parts; a scenario needs at least one Part")
    try:
        found.check()
    except ScenarioError as error:
        raise ScenarioError(f"scenario file {file}: {_NAME}: {error}") from None
    return found


def _is_path(name: str) -> bool:
    return name.endswith(".py") or "/" in name


def _meant(name: str) -> str:
    """A suggestion for an unknown name: what it begins, the nearest day by its number of messages, others by
    spelling.
    """
    begun = [each for each in names() if each.startswith(name.lower())]
    if name and len(begun) == 1:
        return f"did you mean {begun[0]}? "
    volume = _VOLUME(name.lower())
    if volume is not None:
        messages = float(volume[1]) * {"": 1, "k": 1e3, "m": 1e6}[volume[2]]
        days = {item.name: item.messages_per_day for item in _own().values() if item.messages_per_day}
        nearest = min(days, key=lambda day: abs(math.log(max(messages, 1) / days[day])))
        return f"of the days {nearest} is the nearest; "
    close = get_close_matches(name.lower(), names(), n=1, cutoff=_CLOSE)
    return f"did you mean {close[0]}? " if close else ""
