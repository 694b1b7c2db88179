"""The closed-model user: a fixed number of users, each of which waits for its answer before it sends again.

Its rate falls when the target slows down, and it times each request from its actual start, so it takes the
fewest samples when the target is slow. Use it for comparison, and for systems whose callers wait for answers.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from locust import FastHttpUser, events, task

from loadtests.arrivals import Schedule
from loadtests.scenario import Scenario
from loadtests.users.adapters import Adapter
from loadtests.users.options import adapter_of, add_arguments, plan_of

RESPONSE = "service time (closed model, from actual start)"


class ClosedModelSession:
    """The messages of a scenario's plan, distributed in their order to the closed-model users of this
    process.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self.adapter: Adapter | None = None
        self.schedule: Schedule | None = None
        self.arrivals: Iterator[int] = itertools.count()
        hooks: Any = events
        hooks.init_command_line_parser.add_listener(add_arguments)
        hooks.test_start.add_listener(self._test_start)

    def _test_start(self, environment: Any, **_: Any) -> None:
        options = environment.parsed_options
        self.adapter = adapter_of(environment.host, options)
        self.schedule = Schedule(plan_of(self._scenario, options))


class ClosedModelUser(FastHttpUser):
    """Set ``session``, and ``wait_time`` to pace it (``constant_throughput(10)``: at most ten per second
    each).
    """

    abstract = True
    session: ClosedModelSession

    @task
    def send(self) -> None:
        adapter, schedule = self.session.adapter, self.session.schedule
        assert adapter is not None and schedule is not None  # set at the test's start
        request = adapter.request(schedule.message(next(self.session.arrivals) % len(schedule)))
        with self.client.request(
            request.method,
            request.path,
            data=request.body.decode(),
            headers=request.headers,
            name=RESPONSE,
            catch_response=True,
        ) as reply:
            judgement = adapter.judge(reply.status_code, reply.content or b"")
            if judgement.outcome == "accepted":
                reply.success()
            else:
                reply.failure(judgement.reason)
