"""The order in which nodes claim messages without an owner."""

from __future__ import annotations

from messages import made_message

from reference_sender.dispatch.values import Lane, Message
from reference_sender.node.claim_numbers import ClaimNumbers


def message(campaign: str, lane: Lane = Lane.MARKETING, segments: int = 1) -> Message:
    return made_message(1, key="k", lane=lane, campaign=campaign, segments=segments)


def numbers(turns: ClaimNumbers, campaign: str, count: int, lane: Lane = Lane.MARKETING) -> list[int]:
    return [turns.take(message(campaign, lane)) for _ in range(count)]


def test_a_later_campaign_shares_the_claims_from_its_begin() -> None:
    turns = ClaimNumbers()
    assert numbers(turns, "big", 1_000) == list(range(1_000))
    turns.learn({Lane.MARKETING: 300})
    assert numbers(turns, "small", 3) == [300, 301, 302], "between those of the big one that wait"
    assert numbers(turns, "big", 2) == [1_000, 1_001]


def test_long_messages_take_as_many_numbers_as_segments() -> None:
    turns = ClaimNumbers()
    assert [turns.take(message("long", segments=4)) for _ in range(3)] == [0, 4, 8]


def test_classes_have_numbers_of_their_own() -> None:
    turns = ClaimNumbers()
    assert numbers(turns, "may", 3) == [0, 1, 2]
    assert numbers(turns, "may", 3, Lane.OTP) == [0, 1, 2]
    turns.learn({Lane.MARKETING: 2, Lane.OTP: 1})
    assert numbers(turns, "new", 1, Lane.OTP) == [1]


def test_the_clock_never_goes_back_while_messages_wait_and_begins_again_when_none_does() -> None:
    turns = ClaimNumbers()
    turns.learn({Lane.MARKETING: 50})
    turns.learn({Lane.MARKETING: 0})  # a dead node left an old message
    assert numbers(turns, "may", 1) == [50]
    turns.learn({})
    assert numbers(turns, "may", 1) == [0]


def test_campaigns_whose_messages_are_claimed_are_forgotten() -> None:
    turns = ClaimNumbers()
    for number in range(100):
        numbers(turns, f"campaign-{number}", 1 + number % 2)
    assert turns.kept == 100
    turns.learn({Lane.MARKETING: 1})
    assert turns.kept == 50
    turns.learn({})
    assert turns.kept == 0
