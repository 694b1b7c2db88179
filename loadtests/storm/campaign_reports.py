"""Orders and reports on campaigns, as the store of the storms keeps them."""

from __future__ import annotations

from msgspec.structs import replace

from reference_sender.store.campaign_reports import (
    CampaignRow,
    ReportControl,
    ReportMade,
    ReportOrder,
    StoredReport,
)
from reference_sender.store.protocol import Record


def row_of(record: Record) -> CampaignRow:
    """A message as reports read it."""
    message = record.message
    return CampaignRow(
        message_id=message.message_id,
        key=message.key,
        to=message.to,
        state=record.state,
        reason=record.reason,
        provider_id=record.provider_id,
        segments=message.segments,
        created_ns=message.created_ns,
        not_before_ns=message.not_before_ns,
        changed_ns=record.changed_ns,
    )


def written(reports: dict[str, StoredReport], control: ReportControl) -> None:
    """Change ``reports``, by campaign, as ``control`` says."""
    known = reports.get(control.campaign)
    if isinstance(control, ReportOrder):
        if known is None:
            known = StoredReport(
                campaign=control.campaign,
                ordered_ns=control.at_ns,
                language="",
                recipients=(),
                due=True,
                summary=None,
                made_ns=None,
                to_mail=False,
            )
        else:
            known = replace(known, due=True, ordered_ns=max(known.ordered_ns + 1, control.at_ns))
        reports[control.campaign] = replace(
            known,
            language=control.language or known.language,
            recipients=control.recipients or known.recipients,
        )
    elif known is None:
        return
    elif isinstance(control, ReportMade):
        if known.ordered_ns == control.ordered_ns:
            reports[control.campaign] = replace(
                known, due=False, summary=control.summary, made_ns=control.made_ns, to_mail=control.to_mail
            )
    elif known.made_ns == control.made_ns:
        reports[control.campaign] = replace(known, to_mail=False)
