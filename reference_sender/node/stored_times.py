"""Instants in the store are Unix time, those of a node are of its clock. ``WallOffset`` has the difference.

It is 0 unless the wall clock was set since the process started. Each instant is stored by the wall clock of
that moment. So another process, whose clock begins at the wall clock, and another node can use it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from reference_sender.dispatch.stored_instants import dated
from reference_sender.dispatch.values import Change, EndedMessage, Message, Recovered
from reference_sender.policy.campaigns import CampaignChange, KnownCampaign
from reference_sender.policy.opt_out import OptOut
from reference_sender.store.protocol import Control, Work


def in_unix_time(work: Work, ahead_ns: int) -> Work:
    """``work`` as the store must have it. Its changes are in Unix time already: ``changes_in_unix_time``."""
    if not ahead_ns:
        return work
    return replace(
        work,
        messages=[_moved(message, ahead_ns) for message in work.messages],
        attempts=[replace(attempt, at_ns=attempt.at_ns + ahead_ns) for attempt in work.attempts],
        controls=[_moved_control(control, ahead_ns) for control in work.controls],
    )


def changes_in_unix_time(changes: Iterable[Change], ahead_ns: int) -> Iterable[Change]:
    """``changes`` as the store must have them. The dispatcher compares the end of a message in the store with
    its own instant of it, so the offset must be that of the same moment, and not that of a later commit.
    """
    return changes if not ahead_ns else [_moved_change(change, ahead_ns) for change in changes]


def recovered_here(recovered: Sequence[Recovered], ahead_ns: int) -> Sequence[Recovered]:
    """Messages of the store, for a node."""
    if not ahead_ns:
        return recovered
    return [
        replace(
            each,
            message=_moved(dated(each.message), -ahead_ns),
            sent_ns=_moved_instant(each.sent_ns, -ahead_ns),
            tried_ns=_moved_instant(each.tried_ns, -ahead_ns),
        )
        for each in recovered
    ]


def ended_here(ended: Sequence[EndedMessage], ahead_ns: int) -> Sequence[EndedMessage]:
    """Ended messages of the store, for a node. ``ended_ns`` stays Unix time."""
    return (
        ended if not ahead_ns else [replace(each, message=_moved(each.message, -ahead_ns)) for each in ended]
    )


def _moved(message: Message, by_ns: int) -> Message:
    # ``not_before_ns`` is Unix time everywhere.
    return replace(message, created_ns=message.created_ns + by_ns, expires_ns=message.expires_ns + by_ns)


def _moved_change(change: Change, by_ns: int) -> Change:
    return replace(change, at_ns=change.at_ns + by_ns, tried_ns=_moved_instant(change.tried_ns, by_ns))


def _moved_control(control: Control, by_ns: int) -> Control:
    if isinstance(control, OptOut):
        return replace(control, since_ns=control.since_ns + by_ns)
    if isinstance(control, CampaignChange | KnownCampaign):
        return replace(control, at_ns=control.at_ns + by_ns)
    return control


def _moved_instant(at_ns: int | None, by_ns: int) -> int | None:
    return None if at_ns is None else at_ns + by_ns
