"""The limits on messages to one number."""

from __future__ import annotations

import random

import pytest
from nanoseconds import S

from reference_sender.dispatch.values import Lane
from reference_sender.policy.recipients import NumberCount, RecipientLimit, RecipientLimits
from reference_sender.policy.settings import NO_POLICY, PolicySettings

A, B = "48500100200", "48500100201"


@pytest.fixture
def limits() -> RecipientLimits:
    return RecipientLimits(*PolicySettings().recipient_limits())


def test_ten_messages_in_a_minute_and_the_next_when_the_first_is_a_minute_old(
    limits: RecipientLimits,
) -> None:
    for n in range(10):
        assert limits.take(n * S, A, Lane.MARKETING) == 0
    assert limits.take(9 * S, B, Lane.MARKETING) == 0
    assert limits.take(15 * S, A, Lane.TRANSACTIONAL) == 45 * S
    assert limits.take(60 * S - 1, A, Lane.MARKETING) == 1
    assert limits.take(60 * S, A, Lane.MARKETING) == 0
    assert limits.take(60 * S, A, Lane.MARKETING) == 1 * S


def test_otps_have_a_limit_of_their_own(limits: RecipientLimits) -> None:
    for n in range(5):
        assert limits.take(n * S, A, Lane.OTP) == 0
    assert limits.take(5 * S, A, Lane.OTP) == 595 * S
    assert limits.take(5 * S, A, Lane.TRANSACTIONAL) == 0
    assert limits.take(600 * S, A, Lane.OTP) == 0


def test_a_message_that_was_not_stored_does_not_count(limits: RecipientLimits) -> None:
    for _ in range(5):
        limits.take(0, A, Lane.OTP)
    limits.undo(A, Lane.OTP, 0)
    assert limits.take(1, A, Lane.OTP) == 0
    assert limits.take(2, A, Lane.OTP) > 0
    limits.undo(B, Lane.OTP, 0)


def test_a_message_that_was_not_stored_leaves_the_later_ones_counted() -> None:
    limits = RecipientLimits(RecipientLimit(2, 60 * S), None)
    assert limits.take(0, A, Lane.MARKETING) == 0
    assert limits.take(5 * S, A, Lane.MARKETING) == 0
    limits.undo(A, Lane.MARKETING, 0)
    assert limits.take(6 * S, A, Lane.MARKETING) == 0
    assert limits.take(60 * S, A, Lane.MARKETING) == 5 * S


def test_without_a_policy_there_is_no_limit() -> None:
    limits = RecipientLimits(*NO_POLICY.recipient_limits())
    assert not limits.active
    assert {limits.take(0, A, Lane.OTP) for _ in range(100)} == {0}


@pytest.mark.parametrize("seed", range(5))
def test_no_window_has_more_than_the_limit_and_none_is_refused_for_nothing(seed: int) -> None:
    draw = random.Random(seed)
    limits = RecipientLimits(RecipientLimit(3, 10 * S), None)
    taken: list[int] = []
    now_ns = 0
    for _ in range(2_000):
        now_ns += draw.randrange(6 * S)
        inside = [t for t in taken if t > now_ns - 10 * S]
        wait_ns = limits.take(now_ns, A, Lane.OTP)
        assert wait_ns == (0 if len(inside) < 3 else inside[0] + 10 * S - now_ns)
        if not wait_ns:
            taken.append(now_ns)


def test_numbers_of_the_past_are_forgotten() -> None:
    limits = RecipientLimits(RecipientLimit(3, 10 * S), None)
    for n in range(10_000):
        limits.take(n * S, f"48{n}", Lane.OTP)
    assert 0 < limits.remembered <= 21


def test_nodes_share_what_they_counted_and_exceed_no_limit_together() -> None:
    """Each message is counted at a drawn node; the nodes share after each."""
    for seed in range(20):
        draw = random.Random(seed)
        count = draw.choice([2, 3, 4])
        limit = RecipientLimit(draw.choice([1, 3, 5, 10]), 60 * S)
        nodes = [RecipientLimits(limit, None, shared=True) for _ in range(count)]
        shared: list[dict[str, NumberCount]] = [{} for _ in nodes]
        accepted: list[int] = []
        for n in range(200):
            now = n * S
            if nodes[draw.randrange(count)].take(now, A, Lane.MARKETING) == 0:
                accepted.append(now)
            for _ in range(2):  # a number that one node shares makes the others share theirs
                for index, node in enumerate(nodes):
                    shared[index].update({each.number: each for each in node.to_share(now, count)})
                for index, node in enumerate(nodes):
                    others = [own[A] for other, own in enumerate(shared) if other != index and A in own]
                    times = [at for each in others for at in each.times_ns]
                    node.learn([NumberCount(A, False, times, 0)] if others else [])
        window = [sum(each > at - 60 * S for each in accepted if each <= at) for at in accepted]
        assert max(window) == limit.messages, f"seed {seed}"


def test_nodes_do_not_share_a_number_with_few_messages() -> None:
    node = RecipientLimits(RecipientLimit(10, 60 * S), None, shared=True)
    for n in range(4):
        node.take(n, A, Lane.MARKETING)
    assert node.to_share(5, nodes=2) == []
    node.take(5, A, Lane.MARKETING)
    assert [(each.number, len(each.times_ns)) for each in node.to_share(6, nodes=2)] == [(A, 5)]
    assert node.to_share(7, nodes=2) == []
