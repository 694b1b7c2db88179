"""What can you observe: the pages, metrics and reports that exist during a run and after it."""

from __future__ import annotations

from analysis.findings import ReportTotals
from analysis.first_screen.quoting import Quote
from analysis.first_screen.values import AnswerRow, Figure, ScreenAnswer, Sentence
from analysis.first_screen.wording import is_reference_sender


def observe_answer(quote: Quote) -> ScreenAnswer:
    """What a user can look at during the run and after it."""
    report = quote.report
    sentences: list[Sentence] = []
    if not report.simulated:
        sentences.append(
            (
                "While it runs: the inbox page of the mock provider (the run prints its address) shows "
                "each message, its state, the rates and the queues, live.",
            )
        )
    if is_reference_sender(report):
        if not report.simulated:
            sentences.append(
                (
                    "The sender's dashboard (the run prints its address) shows campaigns, delivery times, "
                    "costs, routes and errors, live.",
                )
            )
        sentences.append(
            (
                "The sender counts accepted, sent, delivered, failed and queued messages at /metrics "
                "(Prometheus).",
            )
        )
        sentences.append(
            (
                "It also sends alerts to the log, a webhook or e-mail (smsbench sender --alerts); "
                "Prometheus rules and a Grafana dashboard are in docs/monitoring.",
            )
        )
    elif not report.simulated:
        sentences.append(("The bench does not check that texts arrive whole. The inbox page shows them.",))
    sentences.append(("This report has the statistics after the run.",))
    rows = []
    for index, each in enumerate(report.totals):
        kind = "live" if each.mode == "real" else "simulated"
        counted = quote.count(f"totals.{index}.delivered", subject=f"delivered {each.mode}")
        accepted = quote.count(f"totals.{index}.accepted", subject=f"accepted {each.mode}")
        tracked: Sentence = (", each tracked individually",)
        if each.without_key:
            lost = quote.count(f"totals.{index}.without_key", subject=f"without_key {each.mode}")
            tracked = ("; ", lost, " at the provider without their key are not tracked")
        rows.append(
            AnswerRow(
                label=kind,
                value=(counted, " delivered", *_not_delivered(quote, index, each)),
                limit=("of ", accepted, " accepted", *tracked),
            )
        )
    return ScreenAnswer(
        name="seen",
        question="What can you observe?",
        rows=tuple(rows),
        sentences=tuple(sentences),
    )


def _not_delivered(quote: Quote, index: int, each: ReportTotals) -> Sentence:
    """The other accepted messages, so that the sum is complete; question five has those that are lost."""
    found: list[str | Figure] = []
    for field, text in (("failed_or_expired", "failed or expired"), ("still_open", "still open at the end")):
        # Without records of the provider, open means unknown.
        if getattr(each, field) and not each.unseen:
            subject = f"{field} {each.mode}"
            found += [", ", quote.count(f"totals.{index}.{field}", subject=subject), f" {text}"]
    if each.unaccounted and each.still_open >= each.unaccounted and not each.lost and not each.unseen:
        absent = quote.count(f"totals.{index}.unaccounted", subject=f"unaccounted {each.mode}")
        found += [" (", absent, " of them never seen by the provider)"]
    return tuple(found)
