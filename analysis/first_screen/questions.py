"""The buyer's five questions, in a fixed order, and the answers of the run."""

from __future__ import annotations

from analysis.first_screen.delivery import delivery_answer
from analysis.first_screen.observe import observe_answer
from analysis.first_screen.quoting import Quote
from analysis.first_screen.rates import rate_answer
from analysis.first_screen.ten_times import ten_times_answer
from analysis.first_screen.trouble import trouble_answer
from analysis.first_screen.values import ScreenAnswer, Sentence


def answers(quote: Quote, headline: Sentence) -> tuple[ScreenAnswer, ...]:
    """One answer for each question, also for a question that the run did not test."""
    return (
        rate_answer(quote),
        ten_times_answer(quote),
        delivery_answer(quote),
        observe_answer(quote),
        trouble_answer(quote, headline),
    )
