"""The cause of late replies. Messages that the client or the machine delayed are not judged.

Linux counts for each thread how long it was ready to run and had no core (``loadtests.core_time``). A reply
that left while the provider waited for a core is excluded and counted.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from loadtests.arrays import InstantsNs
from loadtests.calibrate.client import TimedAnswer
from loadtests.core_time import CoreWait

LATE_NS = 250_000  # a quarter of the smallest tolerance
_ARRIVING_NS = 1_000_000


class JudgedMessages(Struct, frozen=True):
    """The judged messages, and the number of the others by cause."""

    mask: NDArray[np.bool_]
    client_late: int
    machine_late: int

    @property
    def count(self) -> int:
        return int(self.mask.sum())

    @property
    def share(self) -> float:
        return self.count / len(self.mask) if len(self.mask) else 0.0

    def described(self) -> str:
        text = f"{self.count:,} of {len(self.mask):,} judged"
        if self.client_late:
            text += f"; client late for {self.client_late:,}"
        if self.machine_late:
            text += f"; provider without a core for {self.machine_late:,}"
        return text


def kept(
    client_late_ns: InstantsNs, spans: Sequence[tuple[InstantsNs, InstantsNs]], wait: CoreWait
) -> JudgedMessages:
    """``spans``: begin and end of all moments at which the provider had to be on time for each message."""
    on_time = client_late_ns <= LATE_NS
    waited_ns = sum((wait.between(a, b) for a, b in spans), np.zeros(len(on_time), np.int64))
    undisturbed = waited_ns <= LATE_NS
    return JudgedMessages(on_time & undisturbed, int((~on_time).sum()), int((on_time & ~undisturbed).sum()))


def reply_spans(answers: Sequence[TimedAnswer], set_ns: InstantsNs) -> list[tuple[InstantsNs, InstantsNs]]:
    """The moments that count for a reply: the arrival of the request and the departure of the reply."""
    intended = np.array([a.intended_ns for a in answers], np.int64)
    answered = np.array([a.answered_ns for a in answers], np.int64)
    leaving = intended + set_ns
    return [(intended, np.minimum(intended + _ARRIVING_NS, answered)), (leaving, answered)]
