"""The store reports an error for a commit that is on disk."""

from __future__ import annotations

from random import Random
from typing import ClassVar, Self

from msgspec import Struct

from loadtests.storm.fault import DrawRange, FaultTarget


class LateCommitError(Struct, frozen=True):
    """Commits in the window are kept and reported as failed, as by a database whose connection breaks before
    its answer.
    """

    begin_s: float
    end_s: float

    names: ClassVar[tuple[str, ...]] = ("late_commit_error",)

    @classmethod
    def draw(cls, random: Random, within: DrawRange) -> Self:
        return cls(*within.span(random, 3.0))

    def begin(self, target: FaultTarget) -> None:
        target.state.late_errors.append((self.begin_s, self.end_s))


KIND = LateCommitError
