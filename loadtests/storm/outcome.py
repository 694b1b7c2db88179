"""One storm from its plan to what it violated."""

from __future__ import annotations

from msgspec import Struct

from loadtests.storm.invariants import violations
from loadtests.storm.plan import StormPlan
from loadtests.storm.watch import Violation
from loadtests.storm.world import StormWorld


class StormOutcome(Struct, frozen=True):
    """``occurrences``: how often each fault took effect, by its name. An error that the code of sender or
    provider raised is the violation ``raised``.
    """

    seed: int
    messages: int
    acknowledged: int
    accepted: int
    processes: int
    occurrences: dict[str, int]
    violations: tuple[Violation, ...]

    @property
    def failed(self) -> bool:
        """Whether an invariant does not hold."""
        return bool(self.violations)

    @property
    def invariants(self) -> frozenset[str]:
        """The names of those that do not hold."""
        return frozenset(each.invariant for each in self.violations)


def _seen(world: StormWorld) -> set[str]:
    epochs = [epoch for provider in world.providers.values() for epoch in provider.epochs]
    return {row.key for epoch in epochs for row in epoch.rows}


def storm(plan: StormPlan, notes: list[str] | None = None) -> StormOutcome:
    """Make the storm of ``plan``; ``notes`` gets its trace."""
    world = StormWorld(plan, notes)
    try:
        world.run()
        found = violations(world)
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        found = [*world.watch.violations, Violation("raised", text)]
        world.state.note(f"raised {text}")
    return StormOutcome(
        plan.seed,
        plan.messages,
        len(world.watch.acknowledged_keys),
        len(_seen(world)),
        world.sender.processes,
        dict(world.state.occurrences),
        tuple(found),
    )
