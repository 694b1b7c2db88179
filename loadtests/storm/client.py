"""Clients of the sender: each repeats its call, with the same keys, until it is answered."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from loadtests.storm.fault import Call, key_of
from loadtests.storm.sender import StormSender
from loadtests.storm.state import StormState
from loadtests.storm.watch import StormWatch
from reference_sender.dispatch.values import Message

_AGAIN_S = (0.2, 1.0, 5.0, 5.0, 15.0, 30.0, 60.0)
_TIME_OUT_S = 8.0


class StormClient:
    """One call, of one message or of several."""

    def __init__(
        self, state: StormState, sender: StormSender, watch: StormWatch, call: Call, places: Sequence[int]
    ) -> None:
        self._state = state
        self._sender = sender
        self._watch = watch
        self._call = call
        self._places = places  # of its messages in the call
        self._tries = 0
        self.acknowledged = False

    def begin(self) -> None:
        """Call the sender."""
        if self.acknowledged:
            return
        call = self._call
        self._tries += 1
        process = self._sender.process
        if process is None or not process.accepts(len(self._places), call.lane):
            self._again()
            return
        messages = [self._message(place, process.now_ns()) for place in self._places]
        if not call.together and not process.may_get(messages[0]):
            self._again()
            return
        attempt = _Attempt(self)
        process.take(messages, attempt, together=call.together)
        self._state.later(int(_TIME_OUT_S * 1e9), attempt.time_out)

    def keys(self) -> list[str]:
        """The keys of its messages."""
        return [key_of(self._call.number, place) for place in self._places]

    def answered(self, kept: bool, refused: Collection[str] = ()) -> None:
        """The call was acknowledged, except ``refused``, which are duplicates; or it was not."""
        if kept and not self.acknowledged:
            self.acknowledged = True
            self._watch.acknowledged([key for key in self.keys() if key not in refused])
        elif not kept:
            self._again()

    def _again(self) -> None:
        if self._tries <= len(_AGAIN_S) and not self.acknowledged:
            self._state.later(int(_AGAIN_S[self._tries - 1] * 1e9), self.begin)

    def _message(self, place: int, now_ns: int) -> Message:
        call = self._call
        process = self._sender.process
        assert process is not None
        process.next_id += 1
        ahead_ns = process.node.gate.wall.ahead_ns
        return Message(
            message_id=process.next_id,
            key=key_of(call.number, place),
            to=call.number_to(place),
            text="x" * (150 * call.segments),
            lane=call.lane,
            sender_id=call.sender_id,
            campaign=call.campaign,
            segments=call.segments,
            created_ns=now_ns,
            expires_ns=now_ns + int((call.after_s + call.valid_s) * 1e9),
            not_before_ns=now_ns + ahead_ns + int(call.after_s * 1e9) if call.after_s else 0,
            keeps_hours=call.keeps_hours,
            once=call.once,
        )


class _Attempt:
    """One try of a call."""

    def __init__(self, client: StormClient) -> None:
        self._client = client
        self._timed_out = False
        self._ended = False
        self._refused: Collection[str] = ()

    def refused(self, keys: Collection[str]) -> None:
        """The answer, which follows, says that these are duplicates."""
        self._refused = keys

    def end(self, kept: bool) -> None:
        """The sender's answer, or its connection's end. After a time-out the client does not read it."""
        if not self._ended and not self._timed_out:
            self._ended = True
            self._client.answered(kept, self._refused)

    def time_out(self) -> None:
        """The client has waited long enough and calls again."""
        if not self._ended:
            self._timed_out = True
            self._client.answered(False)
