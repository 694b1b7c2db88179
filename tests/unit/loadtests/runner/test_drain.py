"""When the drain is over, in virtual time: by where the open messages are, and whether they still matter."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from analysis.refusals import REPEATED_WITHIN_S
from loadtests.recording import LoadStatus
from loadtests.runner.drain import (
    FINAL_FOR_S,
    QUIET_S,
    Drain,
    DrainDecision,
    standing,
)
from loadtests.runner.queries import ServiceState
from loadtests.runner.sampling import Snapshot


def provider(
    taken: int,
    *,
    queued: int = 0,
    on_air: int = 0,
    phones: int = 0,
    reports: int = 0,
    refused: int = 0,
    reason: str = "throttled_requests",
) -> ServiceState:
    """The engine's gauges: ``on_air`` has those that wait for their phone, too."""
    gauges = {
        "on_air": float(on_air + phones),
        "waiting_for_handset": float(phones),
        "reports_waiting": 0.0,
        "reports_unconfirmed": float(reports),
    }
    counters = {f"messages_refused_{reason}": float(refused), "requests": 99.0}
    opened = queued + on_air + phones + reports
    return ServiceState(open=opened, accepted=taken, gauges=gauges, counters=counters)


def sender(unsent: int = 0, awaiting: int = 0) -> ServiceState:
    return ServiceState(open=unsent + awaiting, gauges={"awaiting_report": float(awaiting)})


def seen(accepted: int, at_provider: ServiceState | None, at_sender: ServiceState | None = None) -> Snapshot:
    load = LoadStatus(accepted=accepted)
    return Snapshot(load=load, provider=at_provider, sender=at_sender, machine_cpu_percent=0.0)


def first_over(drain: Drain, snapshot: Snapshot, until_s: float = 400.0) -> tuple[float, DrainDecision]:
    """When a drain in which nothing changes any more is over."""
    now_s = 0.0
    while now_s < until_s:
        found = drain.judge(now_s, snapshot)
        if found.over:
            return now_s, found
        now_s += 0.5
    return now_s, found


def with_reference_sender(verdicts_final: Callable[[], bool] | None = None) -> Drain:
    return Drain(sender_answers=True, provider_answers=True, verdicts_final=verdicts_final)


def test_nothing_open_is_over_at_once() -> None:
    at_s, found = first_over(with_reference_sender(), seen(5, provider(5), sender()))
    assert (at_s, found.text) == (0.0, "")
    # One of them failed or expired in the sender.
    assert with_reference_sender().judge(0.0, seen(5, provider(4), sender())).over


def test_a_missing_answer_does_not_end_the_drain() -> None:
    drain = with_reference_sender()
    assert drain.judge(0.0, seen(5, None, sender())) == DrainDecision(False, "the provider's answer")
    assert drain.judge(0.5, seen(5, provider(5), None)) == DrainDecision(False, "the sender's answer")


def test_what_the_sender_has_is_waited_for() -> None:
    drain = with_reference_sender(lambda: True)
    assert drain.judge(0.0, seen(9, provider(7), sender(unsent=2))) == DrainDecision(False, "2 in the sender")
    assert first_over(drain, seen(9, provider(7), sender(unsent=2)))[0] == 400.0
    # Also while the provider has messages in its queues.
    queued = seen(9, provider(7, queued=3), sender(unsent=2, awaiting=3))
    assert first_over(drain, queued)[0] == 400.0


def test_the_providers_queues_are_waited_for_while_they_can_change_a_verdict() -> None:
    at_provider = seen(9, provider(9, queued=3, phones=1), sender(awaiting=4))
    for never in (None, lambda: False):
        drain = with_reference_sender(never)
        assert drain.judge(0.0, at_provider) == DrainDecision(False, "3 in the provider's queues")
        assert first_over(drain, at_provider)[0] == 400.0
    at_s, found = first_over(with_reference_sender(lambda: True), at_provider)
    assert at_s == FINAL_FOR_S
    assert found.text == (
        "3 in the provider's queues, 1 for phones that are off or out of coverage; "
        "their outcome cannot change a verdict"
    )


def test_messages_in_queues_and_on_the_air_are_named_and_judged_together() -> None:
    both = seen(9, provider(9, queued=3, on_air=2), sender(awaiting=5))
    drain = with_reference_sender(lambda: True)
    words = "3 in the provider's queues, 2 on their way to handsets"
    assert drain.judge(0.0, both) == DrainDecision(False, words)
    # The queue becomes empty: the verdicts were final before.
    on_air = seen(9, provider(9, on_air=5), sender(awaiting=5))
    assert drain.judge(FINAL_FOR_S, on_air).over


def test_phones_that_are_off_are_not_waited_for() -> None:
    snapshot = seen(100, provider(100, phones=9), sender(awaiting=9))
    at_s, found = first_over(with_reference_sender(), snapshot)
    assert (at_s, found.text) == (0.0, "9 for phones that are off or out of coverage")


def test_the_drain_ends_when_open_messages_cannot_change_the_verdict() -> None:
    snapshot = seen(100, provider(100, on_air=4, phones=1), sender(awaiting=5))
    assert first_over(with_reference_sender(), snapshot)[0] == 400.0
    assert first_over(with_reference_sender(lambda: False), snapshot)[0] == 400.0
    at_s, found = first_over(with_reference_sender(lambda: True), snapshot)
    assert at_s == FINAL_FOR_S
    assert found.text.startswith("4 on their way to handsets, 1 for phones")


def test_the_drain_ends_only_after_the_verdict_stays_final() -> None:
    answers = iter([True, True, False, *[True] * 100])
    drain = with_reference_sender(lambda: next(answers))
    at_s, _ = first_over(drain, seen(100, provider(100, on_air=4), sender(awaiting=4)))
    assert at_s == 1.5 + FINAL_FOR_S  # the fourth look, at 1.5 s, began it again


def test_the_rows_are_read_only_when_it_matters() -> None:
    asked: list[bool] = []

    def verdicts_final() -> bool:
        asked.append(True)
        return True

    drain = with_reference_sender(verdicts_final)
    drain.judge(0.0, seen(9, provider(7), sender(unsent=2)))
    drain.judge(0.5, seen(9, provider(9, phones=3), sender(awaiting=3)))
    assert not asked
    drain.judge(1.0, seen(9, provider(9, queued=3), sender(awaiting=3)))
    assert len(asked) == 1
    drain.judge(1.5, seen(9, provider(9, on_air=3), sender(awaiting=3)))
    assert len(asked) == 2


def test_reports_get_some_time_and_no_more() -> None:
    drain = with_reference_sender()
    assert not drain.judge(0.0, seen(9, provider(9, reports=3), sender(awaiting=3))).over
    assert not drain.judge(QUIET_S, seen(9, provider(9, reports=2), sender(awaiting=2))).over
    assert not drain.judge(2 * QUIET_S - 0.1, seen(9, provider(9, reports=2), sender(awaiting=2))).over
    found = drain.judge(2 * QUIET_S, seen(9, provider(9, reports=2), sender(awaiting=2)))
    assert found == DrainDecision(True, "2 whose delivery report is not confirmed")
    # The provider lost the reports: the sender waits for what will not come.
    at_s, found = first_over(with_reference_sender(), seen(9, provider(9), sender(awaiting=2)))
    assert (at_s, found.text) == (QUIET_S, "2 without a delivery report")


@pytest.mark.parametrize(("count", "said"), [(1, "1 delivery report"), (2, "2 delivery reports")])
def test_one_delivery_report_is_no_plural(count: int, said: str) -> None:
    for at_provider in (provider(9, reports=count), provider(9)):  # which has lost them
        drain = with_reference_sender()
        assert drain.judge(0.0, seen(9, at_provider, sender(awaiting=count))).text == said


def test_the_drain_of_another_sender_waits_for_all_its_messages() -> None:
    drain = Drain(sender_answers=False, provider_answers=True)
    waits = drain.judge(0.0, seen(5, provider(0)))
    assert waits == DrainDecision(False, "5 that the provider has not seen")
    assert first_over(drain, seen(5, provider(3)))[0] == 400.0  # an outbox may be flushed at any time
    assert Drain(sender_answers=False, provider_answers=True).judge(0.0, seen(5, provider(5))).over


@pytest.mark.parametrize(
    ("reason", "over_s"), [("invalid_number", QUIET_S), ("throttled_requests", REPEATED_WITHIN_S)]
)
def test_refused_messages_are_awaited_for_as_long_as_a_repeat_may_take(reason: str, over_s: float) -> None:
    snapshot = seen(5, provider(3, refused=2, reason=reason))
    assert first_over(Drain(sender_answers=False, provider_answers=True), snapshot)[0] == over_s
    assert first_over(Drain(sender_answers=False, provider_answers=True, patient=True), snapshot)[0] == 400.0
    assert first_over(Drain(False, True), seen(5, provider(3, refused=1, reason=reason)))[0] == 400.0


def test_a_refused_message_is_not_called_unseen() -> None:
    drain = Drain(sender_answers=False, provider_answers=True)
    found = drain.judge(0.0, seen(5, provider(3, refused=2)))
    assert found == DrainDecision(False, "2 that the provider has not accepted (2 refused)")


def test_what_a_provider_of_the_users_own_took_before_the_load_does_not_count() -> None:
    drain = Drain(sender_answers=False, provider_answers=True, provider_before=1_000)
    assert drain.judge(0.0, seen(5, provider(1_004))).text == "1 that the provider has not seen"
    assert drain.judge(0.5, seen(5, provider(1_005))).over
    # Earlier rounds of the same load do.
    drain = Drain(sender_answers=False, provider_answers=True, accepted_before=10)
    assert not drain.judge(0.0, seen(5, provider(14))).over
    assert drain.judge(0.5, seen(5, provider(15))).over


def test_without_a_provider_to_ask_it_is_the_whole_limit() -> None:
    drain = Drain(sender_answers=False, provider_answers=False)
    assert first_over(drain, seen(5, None))[0] == 400.0


def test_every_open_message_is_in_one_count() -> None:
    found = standing(provider(20, queued=1, on_air=2, phones=3, reports=4), sender(5, 6), 7)
    assert (found.accepted, found.unsent, found.sender_open) == (13, 5, 11)
    assert (found.queued, found.on_air, found.phones, found.reports) == (1, 2, 3, 4)
    assert found.at_provider == 10
    assert standing(provider(1), None).unsent is None
