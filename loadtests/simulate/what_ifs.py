"""What-ifs change a simulated run: volume, limits of the contract, order in the sender.

A what-if is a value. It changes the provider's profile and the sender's settings, and describes what it
changed, for ``run.json`` and the report.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

from mock_provider.profiles import Profile, ProfileError, parse_profile
from reference_sender.dispatch import DispatchSettings
from user_input.decimal_points import decimal_comma

MOST_TIMES = 1_000.0
_LIMITS = ("segments", "requests")
_RATE = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)/s|none").fullmatch
_RATE_WORDS = "a number above 0 and /s (200/s), or none for no limit"


class WhatIfError(ValueError):
    """A what-if that cannot be read, or that does not fit the profile. The text has the allowed values."""


class WhatIf(Struct, frozen=True, kw_only=True):
    """A field with its default changes nothing. Rates are per second; None: no limit.

    ``scale``: times the day's messages. ``fifo``: the sender has one queue in order of arrival, instead of
    lanes, and asks the provider for no priority. ``rate_limits``: the contract's, by ``segments`` and
    ``requests``. ``carriers``: segments per second of a carrier, by its name.
    """

    scale: float = 1.0
    fifo: bool = False
    rate_limits: dict[str, float | None] = {}
    carriers: dict[str, float | None] = {}

    @property
    def changes_profile(self) -> bool:
        return bool(self.rate_limits or self.carriers)

    def dispatch_settings(self) -> DispatchSettings:
        """The sender's settings."""
        return DispatchSettings.model_validate({"order": "arrival" if self.fifo else "priority"})

    def profile(self, usual: Profile) -> Profile:
        """The provider's profile. Raises ``WhatIfError``."""
        values = usual.model_dump()
        for what, rate in self.rate_limits.items():
            _limit(values, what, rate)
        by_name = {carrier["name"]: carrier for carrier in values["carriers"]}
        for name, rate in self.carriers.items():
            if name not in by_name:
                raise WhatIfError(
                    f"--carriers: profile {usual.name} has no carrier {name!r}; it has: {', '.join(by_name)}"
                )
            by_name[name]["segments_per_s"] = rate
        try:
            return parse_profile(values, usual.name)
        except ProfileError as error:
            raise WhatIfError(f"this what-if does not fit the profile: {error}") from error

    def text(self) -> str:
        """The differences as text; "" without any."""
        changes = []
        if self.scale != 1.0:
            changes.append(f"{self.scale:g} times the day's messages")
        if self.fifo:
            changes.append("no priorities (one queue in order of arrival, no priority flag at the provider)")
        changes += [f"contract: {_rate_text(rate, what)}" for what, rate in self.rate_limits.items()]
        changes += [f"carrier {name}: {_rate_text(rate, 'segments')}" for name, rate in self.carriers.items()]
        return "; ".join(changes)


def read_scale(scale: float | None) -> float:
    """Raises ``WhatIfError``."""
    if scale is None:
        return 1.0
    if not 0 < scale <= MOST_TIMES:
        raise WhatIfError(f"--scale must be a number above 0 and at most {MOST_TIMES:g}, not {scale:g}")
    return scale


def read_rate_limits(texts: Iterable[str]) -> dict[str, float | None]:
    """``200/s`` (segments), ``segments=200/s``, ``requests=50/s``, with commas between. Raises
    ``WhatIfError``.
    """
    found: dict[str, float | None] = {}
    for entry in _entries("--rate-limit", texts):
        name, equals, text = entry.rpartition("=")
        what = name.strip() if equals else "segments"
        if what not in _LIMITS:
            raise WhatIfError(f"--rate-limit limits {' or '.join(_LIMITS)}, not {what!r}: {entry}")
        found[what] = _rate("--rate-limit", what, text, found)
    return found


def read_carriers(texts: Iterable[str]) -> dict[str, float | None]:
    """``Plus=50/s``, with commas between. Raises ``WhatIfError``."""
    found: dict[str, float | None] = {}
    for entry in _entries("--carriers", texts):
        name, equals, text = entry.rpartition("=")
        if not equals or not name.strip():
            raise WhatIfError(f"--carriers takes NAME=RATE, such as Plus=50/s; it was given {entry!r}")
        found[name.strip()] = _rate("--carriers", name.strip(), text, found)
    return found


def _entries(option: str, texts: Iterable[str]) -> list[str]:
    found: list[str] = []
    for text in texts:
        if wrong := decimal_comma(text):
            raise WhatIfError(f"{option}: {wrong}")
        found += [entry.strip() for entry in text.split(",")]
    return found


def _rate(option: str, name: str, text: str, before: dict[str, float | None]) -> float | None:
    if name in before:
        raise WhatIfError(f"{option} gives {name} twice")
    read = _RATE(text.strip())
    if read is None or (read[1] is not None and float(read[1]) < 1e-6):
        raise WhatIfError(f"{option}: a rate is {_RATE_WORDS}, not {text.strip()!r}")
    return None if read[1] is None else float(read[1])


def _limit(values: dict[str, object], what: str, rate: float | None) -> None:
    """Set one limit of the contract, in the way in which the profile limits it already.

    A profile may refuse what is above the limit (``throttle``) or queue it (``accept_queue``, segments only).
    One that does neither refuses from now on. A burst keeps its duration.
    """
    throttle, queue = values["throttle"], values["accept_queue"]
    assert isinstance(throttle, dict) and isinstance(queue, dict)
    usual = throttle[what]
    queued = what == "segments" and queue["drain_segments_per_s"] is not None
    if rate is None:
        throttle[what] = None
    elif usual is not None or not queued:
        lasts_s = 1.0 if usual is None else usual["burst"] / usual["rate_per_s"]
        # A message may have six segments: a smaller burst would never admit it.
        least = 10 if what == "segments" else 1
        throttle[what] = {"rate_per_s": rate, "burst": max(least, round(rate * lasts_s))}
    if queued:
        queue["drain_segments_per_s"] = rate


def _rate_text(rate: float | None, what: str) -> str:
    if rate is None:
        return f"no limit of {what} per second"
    return f"{rate:g} {what.removesuffix('s') if rate == 1 else what}/s"
