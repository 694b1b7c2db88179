"""When a run has nothing more to wait for. Decisions only; the runner does the waiting."""

from __future__ import annotations

from loadtests.running.sampling import Snapshot

QUIET_S = 5.0


class Drain:
    """Decides from each snapshot whether every message is final.

    With the reference sender that is what sender and provider say. Another sender cannot be asked: it counts
    as done when the provider has nothing open and has either taken as many messages as the load had accepted
    or taken none for ``QUIET_S`` seconds. ``accepted_before`` of them were accepted in earlier plays of the
    load, which the snapshots do not count.
    """

    def __init__(self, sender_answers: bool, provider_answers: bool, accepted_before: int = 0) -> None:
        self._accepted_before = accepted_before
        self._sender_answers = sender_answers
        self._provider_answers = provider_answers
        self._accepted = -1
        self._unchanged_since_s = 0.0

    def done(self, now_s: float, snapshot: Snapshot) -> bool:
        provider = snapshot.provider
        if self._provider_answers and provider is None:
            return False
        if provider is not None and provider.accepted != self._accepted:
            self._accepted = provider.accepted
            self._unchanged_since_s = now_s
        if provider is not None and provider.open > 0:
            return False
        if self._sender_answers:
            return snapshot.sender is not None and snapshot.sender.open == 0
        if provider is None:
            return False  # nobody can say: the whole drain limit it is
        wanted = self._accepted_before + snapshot.load.accepted
        return provider.accepted >= wanted or now_s - self._unchanged_since_s >= QUIET_S
