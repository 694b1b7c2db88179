"""How the wait after the load ended: whether it lasted long enough for what the sender still had to do."""

from __future__ import annotations

from analysis.records import ABORTED, Manifest
from analysis.refusals import REPEATED_WITHIN_S

INTERRUPTED = ("interrupted", ABORTED)


def waited_out(manifest: Manifest, waited_s: float) -> bool:
    """Whether the wait after the load lasted until its limit: neither user nor bench ended it early."""
    return not ended_early(manifest) and waited_s >= manifest.drain_timeout_s


def repeats_awaited(manifest: Manifest, waited_s: float) -> bool:
    """Whether the wait after the load was long enough for a sender to repeat a refused message.

    A sender that submits until the end may still repeat it (``measure.outcomes``).
    """
    return not ended_early(manifest) and waited_s >= min(REPEATED_WITHIN_S, manifest.drain_timeout_s)


def ended_early(manifest: Manifest) -> bool:
    """Whether the user ended the load or the wait after it."""
    return manifest.exit_reason in ("drain_ended", *INTERRUPTED)
