"""The user's options as checked settings of a run."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from loadtests.runner.preflight import PreflightError, require_testbed
from loadtests.runner.provider_profile import require_profiles
from loadtests.runner.run_directory import RunDirectoryError, make_run_directory, new_run_directory
from loadtests.runner.settings import RunSettings
from loadtests.scenario import Scenario
from loadtests.targets import Target, TargetError, load_target
from loadtests.usage import usage_error


def checked_settings(scenario: Scenario, asked: RunSettings, out: Path | None) -> RunSettings:
    """Settings that can be run: with the target of the file, and with a run directory that this run owns. If
    they cannot, ends the program with exit code 2 and says what to do. ``out`` None: a new directory.
    """
    limit_s = asked.drain_timeout_s
    if limit_s is not None and not math.isfinite(limit_s):
        raise usage_error(f"--drain-timeout must be a number of seconds, not {limit_s}")
    if asked.ui and scenario.is_suite:
        raise usage_error(
            f"{scenario.name} is a suite; --ui needs a scenario with one run: smsbench run smoke --ui"
        )
    file = asked.target_file
    try:
        target = load_target(file, needs_provider=True) if file is not None else None
    except TargetError as error:
        raise usage_error(str(error)) from None
    _check_provider(scenario, target, asked)
    if file is not None and target is not None:
        _check_testbed(target, file, asked.probe_timeout_s)

    try:
        if out is None:
            out = new_run_directory(_slug(scenario.name), datetime.now(UTC))
        else:
            make_run_directory(out)
    except RunDirectoryError as error:
        raise usage_error(str(error)) from None
    return replace(
        asked, out=out.resolve(), target=target, target_file=file.resolve() if file is not None else None
    )


def _check_provider(scenario: Scenario, target: Target | None, asked: RunSettings) -> None:
    own = target is not None and target.provider.url is not None
    if own and (asked.profile or asked.scale_provider):
        raise usage_error(
            "the target file names a provider of its own: --profile and --scale-provider have no effect on it"
        )
    if asked.scale_provider and all(part.speedup == 1.0 for part in scenario.parts):
        raise usage_error(
            f"{scenario.name} runs at true speed, so --scale-provider would have no effect; give --speedup "
            "too (scenarios of days only)"
        )
    if not own:
        try:
            require_profiles(scenario, asked.profile)
        except ValueError as error:
            raise usage_error(str(error)) from None


def _check_testbed(target: Target, file: Path, within_s: float) -> None:
    try:
        require_testbed(target, file, within_s)
    except PreflightError as error:
        raise usage_error(str(error)) from None


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]+", "-", name)
