"""A provider profile: all settings of one provider (docs/profiles.md)."""

from __future__ import annotations

from typing import Any, Self

from pydantic import model_validator

from mock_provider.engine.faults import misfits
from mock_provider.engine.settings import EngineSettings
from mock_provider.profiles.countries import ReadyCountry, with_tables
from mock_provider.settings.sections import Name


class Profile(EngineSettings):
    """All settings of one provider. Frozen: use ``model_copy(update=...)`` or ``load_profile`` for another
    profile.
    """

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
