"""One provider as two engines: the first judges and answers submits, the second delivers and reports.

A message passes from the first to the second when it leaves its carrier's queue. Nothing passes back, so each
may have a process of its own in virtual time (``loadtests/simulate/two_processes.py``, which says for which
profiles). Both have the same profile and seed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mock_provider.engine.engine import Engine

if TYPE_CHECKING:
    from mock_provider.engine.message import TrackedMessage
    from mock_provider.engine.rated_queue import Onward
    from mock_provider.engine.settings import EngineSettings
    from mock_provider.engine.values import Effect


class FirstEngine(Engine):
    """Up to the carriers' queues. It keeps a message until ``hand_over``, and closes none."""

    def __init__(self, profile: EngineSettings, seed: int, slice_bits: int, carry: Onward) -> None:
        """``carry`` gets each message that leaves its carrier's queue."""
        self._carry = carry
        super().__init__(profile, seed, slice_bits=slice_bits)

    def _begin(self) -> None:
        super()._begin()
        self._pipeline.carry_with(self._carry)

    def hand_over(self, messages: Iterable[TrackedMessage]) -> None:
        """Forget messages that ``carry`` got: their keys will not be submitted again."""
        self._message_store.hand_over(messages)


class SecondEngine(Engine):
    """From the radio to the journal's rows."""

    def carry(self, at_ns: int, message: TrackedMessage) -> list[Effect]:
        """Take a message of a first engine at the time at which it left its carrier's queue, in order."""
        self._clock(at_ns)
        self._message_store.add_accepted(message)
        self._counters.accepted += 1
        effects: list[Effect] = []
        self._pipeline.carry(at_ns, at_ns, message, effects)
        return effects

    @property
    def closed_messages(self) -> int:
        """``EngineState`` has it by name."""
        return self._counters.closed
