"""A submit that gets no reply, ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from mock_provider.engine.draws import Draws


class Hang(Struct, frozen=True):
    """Per attempt: each submit of a key is drawn anew.

    Not ``accepted``: it is lost on the way in and nothing is taken. ``accepted``: all is taken and goes on
    as if the reply had left when it would have. With ``disconnect`` the connection is cut where the reply
    would be.
    """

    name: str
    share: float
    accepted: bool
    disconnect: bool

    def hits(self, draws: Draws, key: str, attempt: int) -> bool:
        return draws.fault(self.name, key, attempt) < self.share
