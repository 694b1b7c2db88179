"""For how long a campaign has been final without a change."""

from __future__ import annotations


class QuietTime:
    """Dates in the store are Unix time. If the wall clock was set back, the latest date does not show a later
    change. So the quiet time of a campaign also begins when it was last seen with a message that is not
    final.
    """

    def __init__(self) -> None:
        self._latest_ns = 0  # change or order, in Unix time
        self._since_ns = 0  # on the sender's clock

    def broken(self, now_ns: int) -> None:
        """A message is not final. ``now_ns`` is of the sender's clock."""
        self._since_ns = now_ns

    def lasts_ns(self, now_ns: int, wall_ns: int, latest_ns: int) -> int:
        """How long it has lasted. All messages are final. ``latest_ns``: the latest date of the campaign."""
        if latest_ns != self._latest_ns:
            self._latest_ns = latest_ns
            # The wall clock may have been set back since.
            self._since_ns = max(self._since_ns, now_ns - max(0, wall_ns - latest_ns))
        return now_ns - self._since_ns
