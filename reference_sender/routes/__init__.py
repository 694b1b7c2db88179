"""Routes to providers. A route submits a batch and returns one result per message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from reference_sender.dispatch.values import Message, Result, RouteLimits


class Route(Protocol):
    """A provider's client."""

    @property
    def limits(self) -> RouteLimits: ...

    async def submit(self, messages: Sequence[Message]) -> Sequence[Result]:
        """Submit ``messages`` in one request and return one Result per message, in their order.

        Never raises for an error of the provider or the network.
        """
        ...

    async def close(self) -> None: ...
