"""The report as a mail: a short text, the page and the table."""

from __future__ import annotations

from collections.abc import Sequence
from email.message import EmailMessage

from reference_sender.campaign_report.page import page
from reference_sender.campaign_report.table import table
from reference_sender.campaign_report.texts import ReportLanguage, percent, texts_of, whole
from reference_sender.campaign_report.values import CampaignOutcome, CampaignSummary


def letter(
    summary: CampaignSummary, language: ReportLanguage, mail_from: str, recipients: Sequence[str]
) -> EmailMessage:
    """The mail to ``recipients``."""
    texts = texts_of(language)
    total, delivered = summary.messages, summary.with_outcome(CampaignOutcome.DELIVERED)
    values = {
        "campaign": summary.campaign,
        "delivered": whole(texts, delivered),
        "messages": whole(texts, total),
        "share": percent(texts, delivered, total),
    }
    message = EmailMessage()
    message["From"] = mail_from
    message["To"] = ", ".join(recipients)
    message["Subject"] = texts.page["mail_subject"].format(**values)
    message.set_content(texts.page["mail_body"].format(**values) + "\n")
    name = f"report-{summary.campaign}"
    message.add_attachment(page(summary, language), subtype="html", filename=f"{name}.html")
    message.add_attachment(table(summary, language), subtype="csv", filename=f"{name}.csv")
    return message
