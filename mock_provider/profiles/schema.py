"""A provider profile: all that makes one provider differ from another (docs/profiles.md)."""

from __future__ import annotations

from typing import Any, Self

from pydantic import model_validator

from mock_provider.engine.faults import misfits
from mock_provider.engine.settings import EngineSettings
from mock_provider.profiles.countries import ReadyCountry, with_tables
from mock_provider.settings.sections import Name


class Profile(EngineSettings):
    """One provider, whole. Frozen; ``model_copy(update=...)`` or ``load_profile`` make another."""

    name: Name
    title: str = ""
    countries: tuple[ReadyCountry, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _with_tables(cls, values: Any) -> Any:
        return with_tables(values)

    @model_validator(mode="after")
    def _faults_fit(self) -> Self:
        limits = {"requests": self.throttle.requests, "segments": self.throttle.segments}
        found = misfits(self.faults, {carrier.name for carrier in self.carriers}, limits)
        if found:
            raise ValueError("\n".join(found))
        return self
