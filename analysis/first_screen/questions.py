"""The buyer's five questions, in the order in which a buyer asks, and what the run says to each."""

from __future__ import annotations

from analysis.first_screen.delivery import delivery_answer
from analysis.first_screen.quoting import Quote
from analysis.first_screen.rates import rate_answer
from analysis.first_screen.seen import seen_answer
from analysis.first_screen.ten_times import ten_times_answer
from analysis.first_screen.trouble import trouble_answer
from analysis.first_screen.values import ScreenAnswer


def answers(quote: Quote) -> tuple[ScreenAnswer, ...]:
    """One for each question, whether the run asked it or not."""
    return (
        rate_answer(quote),
        ten_times_answer(quote),
        delivery_answer(quote),
        seen_answer(quote),
        trouble_answer(quote),
    )
