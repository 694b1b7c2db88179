"""What a store keeps for the reports on campaigns: which are ordered, and the reports themselves."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from reference_sender.dispatch.values import State


class ReportOrder(Struct, frozen=True, gc=False):
    """A report on ``campaign`` is to be made when the campaign ends. A later order of the same campaign
    replaces it, except for its empty fields.
    """

    campaign: str
    at_ns: int
    language: str = ""
    recipients: tuple[str, ...] = ()  # mail addresses


class ReportMade(Struct, frozen=True, gc=False):
    """The report for the order of ``ordered_ns``. If there is a later order by now, nothing is kept.

    ``summary`` is None if the campaign has no messages. ``to_mail``: the report is to be mailed.
    """

    campaign: str
    ordered_ns: int
    summary: bytes | None
    made_ns: int
    to_mail: bool


class ReportMailed(Struct, frozen=True, gc=False):
    """The report of ``made_ns`` needs no mail any longer."""

    campaign: str
    made_ns: int


ReportControl = ReportOrder | ReportMade | ReportMailed


class StoredReport(Struct, frozen=True, gc=False):
    """A campaign with an order. ``summary`` and ``made_ns`` are of the last report, None before the first."""

    campaign: str
    ordered_ns: int
    language: str
    recipients: tuple[str, ...]
    due: bool  # the last order has no report yet
    summary: bytes | None
    made_ns: int | None
    to_mail: bool


class CampaignRow(Struct, frozen=True, gc=False):
    """A message of a campaign, without its text."""

    message_id: int
    key: str
    to: str
    state: State
    reason: str
    provider_id: str | None
    segments: int
    created_ns: int
    not_before_ns: int
    changed_ns: int


class CampaignProgress(Struct, frozen=True):
    """The next messages of a campaign: how many, the highest id, the first one that is not final, and when
    the last change of one of them was.
    """

    count: int
    last_id: int
    open_id: int | None
    changed_ns: int


class ReportStore(Protocol):
    """Orders and reports, as ``Work.controls`` wrote them, and the messages that they are about."""

    def reports_waiting(self) -> list[StoredReport]:
        """Those that are due or to be mailed, in the order of their names."""
        ...

    def campaign_report(self, campaign: str) -> StoredReport | None:
        """The order and the report of ``campaign``, if there is an order."""
        ...

    def campaign_progress(self, campaign: str, after_id: int, limit: int) -> CampaignProgress:
        """Of the ``limit`` next messages of ``campaign`` after ``after_id``."""
        ...

    def campaign_rows(self, campaign: str, after_id: int, limit: int) -> list[CampaignRow]:
        """At most ``limit`` messages of ``campaign`` with an id above ``after_id``, in the order of ids."""
        ...
