"""The load's options on Locust's command line, and the values from them."""

from __future__ import annotations

import os
import secrets
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from loadtests.arrivals import Plan, key_tag_of, plan_from_json
from loadtests.parts import Adjustment, adjusted
from loadtests.scenario import Scenario, ScenarioError
from loadtests.targets import TargetError, load_target
from loadtests.users.adapters import Adapter
from loadtests.users.adapters.reference_sender import ReferenceSender
from loadtests.users.adapters.templated import TemplatedTarget
from user_input.secret_text import read_secret

DEFAULT_SEED = 1
_NAMES = (
    *("token", "target", "seed", "key_tag", "in_flight"),
    *("speedup", "window", "duration", "plan", "run_dir"),
)


class OptionsError(ValueError):
    """Options with which the load cannot start. The text says what to do."""


def add_arguments(parser: Any) -> None:
    """Locust's ``init_command_line_parser`` hook."""

    def option(name: str, **settings: Any) -> None:
        parser.add_argument(name, include_in_web_ui=False, **settings)

    option(
        "--token", env_var="SMSBENCH_SENDER_TOKEN", default="", help="Bearer token of the reference sender"
    )
    option("--target", metavar="FILE.toml", help="Describes another sender's HTTP API (docs/load.md)")
    option("--seed", type=int, default=DEFAULT_SEED, help="The same seed gives the same arrivals and texts")
    option("--key-tag", help="Prefix of every message's key; random by default, so that runs do not collide")
    option(
        "--in-flight",
        type=int,
        help="Maximum number of requests in flight; arrivals beyond it are dropped. "
        "By default the arrivals due within the target's timeout, or what this machine can hold",
    )
    option("--speedup", type=float, help="Factor on a day's rates (days only)")
    option("--window", choices=("day", "peak"), help="The whole day or a slice around its peak (days only)")
    option("--duration", type=float, metavar="S", help="Length of the slice around the peak, in seconds")
    option("--plan", metavar="FILE.json", help="A plan written by `smsbench run`; overrides the scenario's")
    option("--run-dir", metavar="DIR", help="Directory for load.arrow: one row for each message")


def own_options(options: Any) -> dict[str, Any]:
    """The load's options, to be sent to a worker."""
    return {name: getattr(options, name) for name in _NAMES}


def with_masters(options: Any, masters: Mapping[str, Any]) -> Any:
    """A copy of a worker's options with the values of its master."""
    return Namespace(**(vars(options) | masters))


def plan_of(scenario: Scenario, options: Any) -> Plan:
    """The plan of these options; its in-flight limit may be unset. Raises ``OptionsError``."""
    if options.plan:
        try:
            return plan_from_json(Path(options.plan).read_bytes())
        except (OSError, msgspec.DecodeError) as error:
            raise OptionsError(f"--plan {options.plan}: {error}") from error
    try:
        scenario = adjusted(scenario, Adjustment(options.speedup, options.window, options.duration))
    except ScenarioError as error:
        raise OptionsError(str(error)) from error
    return Plan(
        streams=scenario.streams(),
        seed=options.seed,
        key_tag=options.key_tag or f"{key_tag_of(options.seed)}.{secrets.token_hex(2)}",
        in_flight_limit=options.in_flight or scenario.parts[0].in_flight_limit or 0,
    )


def require_run_dir(options: Any) -> None:
    """Raises ``OptionsError`` if the rows cannot be written: a worker would fail, and the others wait."""
    if options.run_dir and not Path(options.run_dir).is_dir():
        raise OptionsError(f"--run-dir {options.run_dir}: there is no such directory; create it first")
    if options.run_dir and not os.access(options.run_dir, os.W_OK | os.X_OK):
        raise OptionsError(f"--run-dir {options.run_dir}: it is not writable")


def adapter_of(host: str | None, options: Any) -> Adapter:
    """The target's adapter. Raises ``OptionsError``."""
    if options.target:
        try:
            return TemplatedTarget(load_target(Path(options.target)))
        except TargetError as error:
            raise OptionsError(str(error)) from error
    if not host:
        raise OptionsError("give the sender's address: --host http://127.0.0.1:PORT, or --target FILE.toml")
    if not options.token:
        raise OptionsError("the sender's token is missing: set SMSBENCH_SENDER_TOKEN or give --token")
    try:
        token = read_secret(options.token)
    except ValueError as error:
        raise OptionsError(f"--token (SMSBENCH_SENDER_TOKEN): {error}") from None
    try:
        return ReferenceSender(host, token)
    except ValueError as error:
        raise OptionsError(f"--host: {error}") from error
