"""Sends all dead letters again, as ``reference_sender/api/dead_letters.py`` does."""

from __future__ import annotations

from collections.abc import Collection

from loadtests.storm import features
from loadtests.storm.sender import StormSender
from loadtests.storm.state import StormState
from loadtests.storm.watch import StormWatch
from reference_sender.api.replay import keys_of_seconds, replayed, second_may_arrive
from reference_sender.dispatch.message_states import UNCERTAIN_REASONS
from reference_sender.dispatch.values import Message, key_of_first
from reference_sender.store.protocol import DeadLetterFilter

_MOST = 1_000
_VALID_NS = 1_800 * 10**9
_AGAIN_S = 1.0
_TIME_OUT_S = 8.0


class DeadLetterReplay:
    """One replay, until it is acknowledged."""

    def __init__(self, state: StormState, sender: StormSender, watch: StormWatch) -> None:
        self._state = state
        self._sender = sender
        self._watch = watch
        self._repeats: dict[int, Message] = {}  # of the present try, by the id of the dead letter
        self._tries = 0

    def begin(self) -> None:
        """Call the sender, or try again later."""
        process = self._sender.process
        self._tries += 1
        if process is None or process.stopping or self._sender.paused:
            self._again()
            return
        self._repeats = {}
        dead = process.store.dead_letters(DeadLetterFilter(), 0, _MOST)
        found = process.store.with_keys(keys_of_seconds(dead))
        seconds = {key_of_first(each.message.key): each for each in found}
        for record in dead:
            uncertain = record.reason in UNCERTAIN_REASONS
            if uncertain or second_may_arrive(seconds.get(record.message.key)):
                continue
            if process.accepts(len(self._repeats) + 1, record.message.lane):
                process.next_id += 1
                old_id = record.message.message_id
                self._watch.replaying(record.message.key)
                self._repeats[old_id] = replayed(
                    record.message, process.next_id, "storm", process.now_ns(), _VALID_NS
                )
        if self._repeats:
            attempt = _ReplayAttempt(self, self._tries)
            process.take(list(self._repeats.values()), attempt, together=True)
            self._state.later(int(_TIME_OUT_S * 1e9), lambda: attempt.end(False))

    def answered(self, kept: bool, attempt: int) -> None:
        """The call was acknowledged, or not."""
        if attempt != self._tries:
            return
        if not kept:
            self._again()
            return
        for old_id, message in self._repeats.items():
            number = self._state.disk.ids.get(message.key)
            self._state.occurred(features.REPLAY if number == message.message_id else features.REPLAY_AGAIN)
            self._watch.replayed(old_id, message.key, number)
        self._watch.acknowledged([message.key for message in self._repeats.values()])

    def _again(self) -> None:
        self._state.later(int(_AGAIN_S * 1e9), self.begin)


class _ReplayAttempt:
    """One try of a replay."""

    def __init__(self, replay: DeadLetterReplay, number: int) -> None:
        self._replay = replay
        self._number = number
        self._ended = False

    def refused(self, keys: Collection[str]) -> None:
        """A replay is stored also if another message has its number and text."""
        raise ValueError(f"a replay was refused as a duplicate: {', '.join(keys)}")

    def end(self, kept: bool) -> None:
        """The sender's answer, its connection's end, or the time-out."""
        if not self._ended:
            self._ended = True
            self._replay.answered(kept, self._number)
