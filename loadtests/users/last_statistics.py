"""The last statistics of each worker reach the master before it ends.

Locust's workers report their statistics every 3 s, and once more after the message "quit". Its master ends
half a second after that message, whether the report has come or not. So here the master first asks each
worker to end its load, and waits for the answer. Messages of a worker arrive in the order in which they were
sent, so its statistics arrive before its answer.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import gevent

END_MESSAGE = "open_model_end"
ENDED_MESSAGE = "open_model_ended"
# Beyond the stop timeout. ``smsbench run`` kills a load 10 s after it; Locust's own end takes 3 s of them.
ANSWER_WITHIN_S = 5.0
_POLL_S = 0.02


class WorkerAnswers:
    """Runs in the master: knows which workers have sent their last statistics."""

    def __init__(self, runner: Any) -> None:
        self._runner = runner
        self._answered: set[str] = set()
        runner.register_message(ENDED_MESSAGE, self._arrived)

    def forget(self) -> None:
        """Call it when another test begins."""
        self._answered.clear()

    def collect(self, workers: Collection[str], missing: str, within_s: float) -> list[str]:
        """Ask ``workers`` to end, and wait for their statistics. Returns those whose statistics are lacking.

        It does not wait for a worker that has left, nor for one whose state is ``missing``.
        """
        for worker in self._lacking(workers):
            self._runner.send_message(END_MESSAGE, None, worker)
        with gevent.Timeout(within_s, False):
            while any(self._runner.clients[worker].state != missing for worker in self._lacking(workers)):
                gevent.sleep(_POLL_S)
        return self._lacking(workers)

    def _lacking(self, workers: Collection[str]) -> list[str]:
        """Without workers that left: each sent its statistics first."""
        return [each for each in workers if each in self._runner.clients and each not in self._answered]

    def _arrived(self, environment: Any, msg: Any, **_: Any) -> None:
        self._answered.add(msg.node_id)


def answer(environment: Any) -> None:
    """Runs in a worker when its load has ended: sends its last statistics, then the answer."""
    runner = environment.runner
    data: dict[str, Any] = {}
    environment.events.report_to_master.fire(client_id=runner.client_id, data=data)
    runner.send_message("stats", data)
    runner.send_message(ENDED_MESSAGE)
