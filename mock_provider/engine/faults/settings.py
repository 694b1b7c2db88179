"""The common settings of all fault kinds: a name and a window (docs/faults.md)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, ClassVar, Literal, Self

from msgspec import Struct
from pydantic import Field, model_validator

from mock_provider.engine.faults.hooks import ActingFault
from mock_provider.settings.distributions import Section

# About 32 years: more than a machine's monotonic clock shows, on which absolute windows are counted.
MAX_INSTANT_S = 1_000_000_000
FaultInstant = Annotated[float, Field(ge=0, le=MAX_INSTANT_S, allow_inf_nan=False)]
FaultName = Annotated[str, Field(pattern="^[A-Za-z0-9._-]{0,48}$")]


class Preset(Struct, frozen=True):
    """Another name of a kind, with the settings that it fixes."""

    description: str
    settings: Mapping[str, object]


class FaultSettings(Section):
    """A fault is active from ``start_s`` up to ``end_s``. Without ``end_s`` it does not end.

    Times count from the engine's first input, or with ``clock = "absolute"`` on the driver's clock, for
    faults that are set at run time. ``name`` is the fault's name in the journal and in the report, and part
    of the seed of its draws. Without a name it is named after its kind.

    A kind states what its share is a share of: attempts, messages, reports, or time.
    """

    kind: str
    name: FaultName = ""
    start_s: FaultInstant = 0.0
    end_s: FaultInstant | None = None
    clock: Literal["first_input", "absolute"] = "first_input"

    presets: ClassVar[Mapping[str, Preset]] = {}
    """Other names of the kind."""

    examples: ClassVar[Mapping[str, Mapping[str, object]]] = {}
    """Settings with which the fault has an effect, each with a name of its own. A test runs the kind with
    each of them, and ``smsbench storm`` draws them. Their carrier is ``any``, the only one of these profiles.

    None: the kind's own name, with the defaults. A kind with presets has ``kind`` in each example.
    """

    @abstractmethod
    def description(self) -> str:
        """What the fault does, with its settings, without its window: for log, admin API and report."""

    @abstractmethod
    def acting(self, start_ns: int, end_ns: int) -> ActingFault:
        """The fault that acts in a window on the engine's clock."""

    def misfits(self, carriers: Collection[str], limits: Mapping[str, object]) -> Iterator[str]:
        """Settings that do not fit the profile, one line each, beginning with the key.

        ``limits`` are the limits of ``throttle`` by name; None: there is none.
        """
        yield from ()

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, values: object) -> object:
        if not isinstance(values, dict):
            return values
        kind = values.get("kind")
        preset = cls.presets.get(kind) if isinstance(kind, str) else None
        if preset is None:
            return values
        for key, value in preset.settings.items():
            if values.get(key, value) != value:
                raise ValueError(f"{key} cannot be set: kind {kind} fixes it")
        return {**values, **preset.settings}

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.end_s is not None and self.end_s <= self.start_s:
            raise ValueError(f"end_s must be after start_s ({self.end_s} <= {self.start_s})")
        return self


def percent(share: float) -> str:
    return f"{100 * share:.4g} %"
