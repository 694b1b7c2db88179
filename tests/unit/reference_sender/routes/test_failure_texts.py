"""A reason code has one sentence, from one route."""

from __future__ import annotations

import pytest

from reference_sender.campaign_report.texts import ReportLanguage
from reference_sender.routes.failure_texts import failure_texts, joined


@pytest.mark.parametrize("language", ReportLanguage, ids=lambda language: language.value)
def test_the_routes_have_different_codes(language: ReportLanguage) -> None:
    assert failure_texts(language.value)


def test_sentences_of_all_routes_are_joined() -> None:
    assert joined({"one": {"a": "A."}, "two": {"b": "B."}}) == {"a": "A.", "b": "B."}


def test_a_code_of_two_routes_is_an_error_that_names_both_and_says_what_to_do() -> None:
    wanted = (
        "the routes one and two both have a sentence for the reason code canceled: "
        "a code belongs to one route; name it two_canceled in the route two"
    )
    with pytest.raises(ValueError) as caught:
        joined({"one": {"canceled": "A."}, "two": {"b": "B.", "canceled": "C."}})
    assert str(caught.value) == wanted
