"""The tables of a node do not grow with its age."""

from __future__ import annotations

import pytest
from messages import made_message

from loadtests.storm.tables import Tables
from reference_sender.dispatch import Dispatcher, DispatchSettings
from reference_sender.dispatch.values import Lane, Outcome, Report, Result, RouteLimits, State
from reference_sender.node.effects import NodeEffect, SubmitNow
from reference_sender.node.node import Node
from reference_sender.node.times import NodeTimes
from reference_sender.policy.campaigns import CampaignChange, CampaignState

LIMITS = RouteLimits("a", 1e6, 1e6, 1e6, 1e6, max_batch=10, max_in_flight=10, idempotency_window_s=60.0)
MS = 1_000_000


@pytest.fixture
def node() -> Node:
    return Node(Dispatcher(DispatchSettings(), (LIMITS,), 1), NodeTimes(linger_ns=0))


def stored(node: Node, now_ns: int) -> list[NodeEffect]:
    node.begin_commit(now_ns)
    return node.committed(now_ns, {})


def largest(node: Node) -> tuple[int, str]:
    return max((entries, name) for name, entries, _ in Tables(node).grown())


def test_reports_without_keys_leave_nothing_while_a_request_is_always_in_flight(node: Node) -> None:
    """Each call has the report of a message in flight, and a repeat, which is about none."""
    waiting: SubmitNow | None = None
    for number in range(1, 301):
        now_ns = number * MS
        message = made_message(number, lane=Lane.OTP, sender_id="", created_ns=now_ns)
        node.take(message, "client")
        (submit,) = (each for each in stored(node, now_ns) if isinstance(each, SubmitNow))
        reports = [Report(f"{kind}-{number}", None, State.DELIVERED, "") for kind in ("p", "repeat")]
        node.reported(now_ns, reports, "provider")
        stored(node, now_ns)
        if waiting is not None:
            accepted = Result(Outcome.ACCEPTED, f"p-{waiting.messages[0].message_id}")
            node.answered(now_ns, waiting.batch_id, [accepted])
            stored(node, now_ns)
        waiting = submit
    assert node.state(301 * MS).totals["delivered"] == 299
    assert largest(node)[0] < 20, largest(node)


def test_changed_rules_leave_nothing_if_no_other_node_reads_them(node: Node) -> None:
    for number in range(300):
        state = CampaignState.PAUSED if number % 2 else CampaignState.RUNNING
        node.change_campaign(number, CampaignChange("may", state), "client")
        node.opt_out(number, [f"4850010{number}"], "client")
        node.rules.opt_in([f"4850010{number}"], "client")
        stored(node, number)
    assert largest(node)[0] < 20, largest(node)
