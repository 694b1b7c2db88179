"""What will you see: what there is to look at today, during a run and after it."""

from __future__ import annotations

from analysis.first_screen.quoting import Quote
from analysis.first_screen.values import AnswerRow, ScreenAnswer, Sentence
from analysis.first_screen.wording import is_reference_sender


def seen_answer(quote: Quote) -> ScreenAnswer:
    """What there is to look at today: during the run, and after it."""
    report = quote.report
    sentences: list[Sentence] = [
        (
            "While it runs: the inbox page of the mock provider shows each message, its state, the rates "
            "and the queues, live.",
        )
    ]
    if is_reference_sender(report):
        sentences.append(
            (
                "The sender counts accepted, sent, delivered, failed and queued messages at /metrics "
                "(Prometheus).",
            )
        )
    sentences.append(("No alert rules come with smsbench. This report is the statistics afterwards.",))
    rows = []
    for index, each in enumerate(report.totals):
        kind = "live" if each.mode == "real" else "simulated"
        counted = quote.count(f"totals.{index}.delivered", subject=f"delivered {each.mode}")
        accepted = quote.count(f"totals.{index}.accepted", subject=f"accepted {each.mode}")
        rows.append(
            AnswerRow(
                label=kind,
                value=(counted, " delivered"),
                limit=("of ", accepted, " accepted, followed one by one"),
            )
        )
    return ScreenAnswer(
        name="seen",
        question="What will you see?",
        rows=tuple(rows),
        sentences=tuple(sentences),
    )
