"""The hint that OTPs wait in the sender as long as marketing: what it needs, and what must not cause it."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from typing import Any

import pytest
from nanoseconds import S
from run_builder import START_NS, Build, RunBuilder
from screen_texts import aside_text

from analysis.findings import NO_PRIORITY, Hint
from analysis.first_screen.screen import first_screen
from analysis.first_screen.values import as_text
from analysis.records import LOAD_SCHEMA, PROVIDER_SCHEMA, RecordedFault
from analysis.report import build_report

LOAD_S = 40.0
QueueOrder = Callable[[str, float], tuple[float, float]]


def fifo(_name: str, sent_s: float) -> tuple[float, float]:
    return (0.0, sent_s)


def otps_first(name: str, sent_s: float) -> tuple[float, float]:
    return (float(name != "otp"), sent_s)


def arrivals(every_s: float = 0.5) -> list[tuple[float, str]]:
    """An OTP every ``every_s`` seconds; 20 marketing messages per second from 5 s to 25 s."""
    chance = random.Random(4)
    otps = [(every_s * slot + chance.random() * every_s, "otp") for slot in range(int(LOAD_S / every_s))]
    return sorted([*otps, *((5.0 + slot / 20 + chance.random() / 20, "marketing") for slot in range(400))])


def queued(
    run: RunBuilder, order: QueueOrder, service_s: float = 0.1, every_s: float = 0.5, until_s: float = LOAD_S
) -> None:
    """One worker that submits the waiting message with the lowest order, each ``service_s`` later."""
    due = [each for each in arrivals(every_s) if each[0] < until_s]
    waiting: list[tuple[tuple[float, float], str, float]] = []
    now_s = 0.0
    while due or waiting:
        now_s = max(now_s, due[0][0]) if not waiting else now_s
        while due and due[0][0] <= now_s:
            sent_s, name = due.pop(0)
            heapq.heappush(waiting, (order(name, sent_s), name, sent_s))
        _, name, sent_s = heapq.heappop(waiting)
        key = f"{name}-{sent_s:.6f}"
        run.due(key, sent_s, message_class=name)
        run.seen(key, now_s)
        now_s += service_s


def test_a_wait_for_the_answer_of_the_api_is_no_send_order(new_run: Build) -> None:
    """A lock in the API: each message waits before its answer, and hardly any in a queue of the sender."""
    hinted = {}
    for api_waits in (False, True):
        run = new_run(f"run-{api_waits}")
        queued(run, fifo)
        if api_waits:
            answered = LOAD_SCHEMA.get_field_index("t_replied_ns")
            submitted = PROVIDER_SCHEMA.get_field_index("t_submitted_ns")
            seen_ns = {row[0]: row[submitted] for row in run.provider}
            run.load = [
                (*row[:answered], seen_ns[row[0]] - S // 100, *row[answered + 1 :]) for row in run.load
            ]
        run_dir = run.write(load_s=LOAD_S, end_s=LOAD_S + 30.0)
        hinted[api_waits] = [each.name for each in build_report(run_dir).parts[0].hints]
    assert NO_PRIORITY in hinted[False] and NO_PRIORITY not in hinted[True]


def test_messages_that_the_sender_did_not_accept_do_not_count(new_run: Build) -> None:
    """Their requests timed out. The delivery times do not have them either, so the page has one median."""
    run = new_run("run")
    queued(run, fifo)
    place = LOAD_SCHEMA.get_field_index("outcome")
    run.load = [(*row[:place], "failed", *row[place + 1 :]) for row in run.load]
    assert hint_of(run) is None


def delayed(run: RunBuilder, accepted_s: Callable[[float], float]) -> None:
    for sent_s, name in arrivals():
        key = f"{name}-{sent_s:.6f}"
        run.due(key, sent_s, message_class=name)
        run.seen(key, accepted_s(sent_s))


def hint_of(run: RunBuilder, **manifest: Any) -> Hint | None:
    report = build_report(run.write(load_s=LOAD_S, end_s=120.0, **manifest))
    found = [each for each in report.parts[0].hints if each.name == NO_PRIORITY]
    return found[0] if found else None


def test_a_queue_without_priorities(new_run: Build) -> None:
    run = new_run("run")
    queued(run, fifo)
    hint = hint_of(run)
    assert hint is not None
    assert hint.text.startswith("OTPs waited in the sender as long as marketing messages: the median OTP 1")
    assert "includes zero" in hint.text and f"({hint.count} pairs)" in hint.text
    assert "the sender submitted marketing messages. Send OTPs first" in hint.text


def test_otps_that_go_first_wait_less(new_run: Build) -> None:
    run = new_run("run")
    queued(run, otps_first)
    assert hint_of(run) is None


def test_otps_that_go_first_at_a_slow_worker_wait_over_a_second_and_much_less(new_run: Build) -> None:
    run = new_run("run")
    queued(run, otps_first, service_s=3.0, every_s=4.0)
    assert hint_of(run) is None


@pytest.mark.parametrize(
    "accepted_s",
    [
        lambda sent_s: sent_s + 5.0,  # a constant delay
        lambda sent_s: max(sent_s, 22.0) if sent_s >= 8.0 else sent_s,  # all stood still
        lambda sent_s: sent_s + 0.5,
    ],
)
def test_a_delay_that_no_order_changes(new_run: Build, accepted_s: Callable[[float], float]) -> None:
    run = new_run("run")
    delayed(run, accepted_s)
    assert hint_of(run) is None


def test_a_fault_of_the_provider_delays_all_classes(new_run: Build) -> None:
    run = new_run("run")
    queued(run, fifo)
    outage = RecordedFault(
        name="f", kind="outage", title="an outage", start_ns=START_NS, end_ns=START_NS + 100 * S
    )
    assert hint_of(run, faults=(outage,)) is None


def test_the_page_has_it_once(new_run: Build) -> None:
    run = new_run("run")
    queued(run, fifo, every_s=0.1, until_s=25.0)
    report = build_report(run.write(load_s=25.0, end_s=120.0, objectives=("otp.p95<5s",)))
    screen = first_screen(report)
    assert screen.word == "NO" and not screen.notes
    told = " ".join(as_text(each) for each in screen.bottleneck)
    assert "OTPs waited in the sender as long as marketing messages" in told
    assert all(each.name != "ask" for each in screen.asides) or "OTPs waited" not in aside_text(report, "ask")


def test_without_a_missed_objective_it_is_among_the_changes(new_run: Build) -> None:
    run = new_run("run")
    queued(run, fifo)
    report = build_report(run.write(load_s=LOAD_S, end_s=120.0, objectives=("otp.p95<10min",)))
    assert "OTPs waited in the sender as long as marketing messages" in aside_text(report, "ask")
