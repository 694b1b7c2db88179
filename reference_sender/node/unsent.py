"""The dispatcher's state as an operator sees it: a request that waits for the store is not in flight."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence

from msgspec.structs import replace

from reference_sender.dispatch import DispatchState
from reference_sender.dispatch.values import Lane, SubmitBatch


def without_unsent(
    state: DispatchState, unsent: Sequence[SubmitBatch], waiting: Container[str]
) -> DispatchState:
    """The messages of ``unsent``, which the dispatcher counts as in flight, are queued. ``waiting`` are the
    keys of those that a report has not ended meanwhile.
    """
    if not unsent:
        return state
    requests = Counter(batch.route for batch in unsent)
    lanes: Counter[Lane] = Counter()
    for batch in unsent:
        lanes.update(message.lane for message in batch.messages if message.key in waiting)
    return replace(
        state,
        queue_otp=state.queue_otp + lanes[Lane.OTP],
        queue_transactional=state.queue_transactional + lanes[Lane.TRANSACTIONAL],
        queue_marketing=state.queue_marketing + lanes[Lane.MARKETING],
        in_flight=state.in_flight - len(unsent),
        in_flight_messages=state.in_flight_messages - lanes.total(),
        routes=tuple(
            replace(route, in_flight=route.in_flight - requests[route.name]) for route in state.routes
        ),
    )
