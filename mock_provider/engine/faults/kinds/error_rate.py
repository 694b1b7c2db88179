"""The provider refuses submits at random."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import model_validator

from mock_provider.engine.faults.hooks import AtSubmit, RequestInterruption
from mock_provider.engine.faults.settings import FaultSettings, percent
from mock_provider.settings.distributions import Section, UnitShare
from mock_provider.settings.values import Refusal

if TYPE_CHECKING:
    from mock_provider.engine.draws import Draws


class CodeShare(Section):
    """One of several codes of an ``error_rate``."""

    refusal: Refusal
    share: UnitShare


class ErrorRate(FaultSettings):
    """A share of the attempts (submits) is refused, whatever they hold: by one code, or by several."""

    kind: Literal["error_rate"]
    share: UnitShare | None = None
    refusal: Refusal = Refusal.INTERNAL_ERROR
    codes: tuple[CodeShare, ...] = ()

    examples: ClassVar[Mapping[str, Mapping[str, object]]] = {
        "throttled": {"share": 0.5, "refusal": "throttled_requests"},
        "internal_error": {"share": 0.5, "refusal": "internal_error"},
        "no_credit": {"share": 0.3, "refusal": "no_credit"},
    }

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if self.share is not None and self.codes:
            raise ValueError("give share (with refusal) or codes (a list of refusal and share), not both")
        if self.share is None and not self.codes:
            raise ValueError("share or codes is missing: give share (with refusal), from 0 to 1, or codes")
        total = sum(code.share for code in self.codes)
        if total > 1 + 1e-9:
            raise ValueError(f"the shares of codes must not exceed 1 together ({total:g})")
        return self

    def _shares(self) -> list[tuple[float, Refusal]]:
        if self.share is not None:
            return [(self.share, self.refusal)]
        return [(code.share, code.refusal) for code in self.codes]

    def description(self) -> str:
        each = ", ".join(f"{percent(share)} {refusal.value}" for share, refusal in self._shares())
        return f"errors: {each}"

    def acting(self, start_ns: int, end_ns: int) -> RandomRefusal:
        shares = self._shares()
        limits = tuple(accumulate(share for share, _ in shares))
        return RandomRefusal(self.name, limits, tuple(refusal for _, refusal in shares))


@dataclass(frozen=True, slots=True)
class RandomRefusal(AtSubmit):
    """Per attempt: each submit of a key has a separate draw, so that a retry may pass.

    ``limits`` are the running sums of the shares of ``refusals``.
    """

    limits: tuple[float, ...]
    refusals: tuple[Refusal, ...]

    order: ClassVar[int] = 1  # a submit that is lost is not refused

    def interrupt(self, draws: Draws, key: str, attempt: int) -> RequestInterruption | None:
        drawn = draws.fault(self.name, key, attempt)
        if drawn >= self.limits[-1]:
            return None
        return RequestInterruption(self.refusals[bisect_right(self.limits, drawn)])
