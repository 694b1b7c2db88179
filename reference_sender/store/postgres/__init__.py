"""The store of many nodes: PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from msgspec.structs import replace

from reference_sender.dispatch.values import EndedMessage, Lane, Message, Recovered, Report, State
from reference_sender.policy.campaigns import Campaign
from reference_sender.policy.opt_out import OptOut
from reference_sender.policy.recipients import NumberCount
from reference_sender.policy.spending import Spent
from reference_sender.store.campaign_reports import CampaignProgress, CampaignRow, StoredReport
from reference_sender.store.postgres import campaign_reports, controls, leases, reading, rule_changes, writing
from reference_sender.store.postgres.idle_reports import IdleReports
from reference_sender.store.postgres.link import LoopThread, PostgresLink
from reference_sender.store.postgres.schema import upgrade
from reference_sender.store.protocol import (
    NODE_BITS,
    CampaignEnd,
    DeadLetterFilter,
    Existing,
    HandedOver,
    Identity,
    Membership,
    Place,
    Purged,
    Record,
    Renewal,
    RuleChanges,
    StoreError,
    Work,
)
from reference_sender.store.recovered import ended, recovered
from reference_sender.store.rule_purge import OldRules, RulePlace

_PROBE = """
UPDATE node SET routes = routes WHERE id = $1 AND NOT dead AND alive_until > clock_timestamp() RETURNING id
"""
# How long the server may take for a call. After a renewal without an answer there must be time for another
# one within the lease.
WRITE_S = 10.0
READ_S = 30.0
RENEW_S = 5.0
_UPGRADE_S = 3_600.0  # new indexes of a large database


class PostgresStore:
    """One node's access to the store. Raises ``StoreError`` if PostgreSQL cannot be used."""

    def __init__(self, url: str, membership: Membership) -> None:
        self._membership = membership
        self._doubtful_claims: list[int] = []  # of claims without an answer
        self._claimed_turns: dict[int, int] = {}  # the highest of each lane
        self._idle_reports = IdleReports()
        self._loop = LoopThread()
        self._writer = PostgresLink(self._loop, url, WRITE_S)
        self._reader = PostgresLink(self._loop, url, READ_S, checked=True)
        self._renewer = PostgresLink(self._loop, url, RENEW_S)
        try:
            self._renewer.call(upgrade, _UPGRADE_S)
            self._node = self._renewer.call(lambda connection: leases.join(connection, membership))
        except StoreError:
            self._close()
            raise

    @property
    def leases(self) -> PostgresStore:
        """The store is its own ``Leases``."""
        return self

    @property
    def lease_s(self) -> float:
        """How long a renewal lasts."""
        return self._membership.lease_s

    def identity(self) -> Identity:
        row = self._reader.call(
            lambda connection: connection.fetchrow("SELECT tag, report_secret FROM identity")
        )
        assert row is not None
        return Identity(row[0], row[1], self._node << NODE_BITS)

    def commit(self, work: Work) -> Mapping[int, Existing]:
        idle = self._idle_reports
        return self._writer.call(lambda connection: writing.commit(connection, self._node, work, idle))

    def probe(self) -> None:
        if self._writer.call(lambda connection: connection.fetchval(_PROBE, self._node)) is None:
            raise StoreError(writing.LEASE_ENDED)

    def unfinished(
        self, limit: int | None = None, place: Place | None = None, lane: Lane = Lane.MARKETING
    ) -> list[Recovered]:
        routes, doubtful = self._membership.routes, self._doubtful_claims
        records = self._renewer.call(
            lambda connection: leases.claim(
                connection, self._node, routes, limit, lane, doubtful, self._claimed_turns
            )
        )
        doubtful.clear()
        return [recovered(record) for record in records]

    def sent_ids(self) -> Sequence[int]:
        return ()

    def sent(self, ids: Sequence[int]) -> list[Recovered]:
        return []

    def ended(self, reports: Sequence[Report]) -> list[EndedMessage]:
        records = self._writer.call(lambda connection: reading.ended(connection, reports))
        found = [each for record in records if (each := ended(record)) is not None]
        # This node has ended most of what it created; others have what it left to them or has given back.
        return [
            each if each.message.message_id >> NODE_BITS == self._node else replace(each, ended_ns=0)
            for each in found
        ]

    def taken_ids(self, provider_ids: Sequence[str], message: Message) -> frozenset[str] | None:
        return self._reader.call(
            lambda connection: reading.taken_ids(connection, self._node, provider_ids, message)
        )

    def records(self, after_id: int, limit: int) -> list[Record]:
        return self._reader.call(lambda connection: reading.page(connection, after_id, limit))

    def with_keys(self, keys: Sequence[str]) -> list[Record]:
        return self._reader.call(lambda connection: reading.with_keys(connection, keys))

    def counts(self, campaign: str | None) -> dict[State, int]:
        return self._reader.call(lambda connection: reading.counts(connection, campaign))

    def campaign_ends(self, campaign: str, last_id: int) -> list[CampaignEnd]:
        return self._reader.call(lambda connection: reading.campaign_ends(connection, campaign, last_id))

    def dead_letters(self, wanted: DeadLetterFilter, after_id: int, limit: int) -> list[Record]:
        return self._reader.call(lambda connection: reading.dead_letters(connection, wanted, after_id, limit))

    def count_dead_letters(self, wanted: DeadLetterFilter) -> dict[str, int]:
        return self._reader.call(lambda connection: reading.count_dead_letters(connection, wanted))

    def purge(self, before_ns: int, after_id: int, limit: int) -> Purged:
        return self._writer.call(lambda connection: controls.purge(connection, before_ns, after_id, limit))

    def purge_rules(self, old: OldRules, place: RulePlace, limit: int) -> RulePlace | None:
        return self._writer.call(lambda connection: controls.purge_rules(connection, old, place, limit))

    def controlled(self, names: Sequence[str]) -> frozenset[str]:
        return self._reader.call(lambda connection: controls.controlled(connection, names))

    def campaigns(self, name: str | None = None) -> list[Campaign]:
        return self._reader.call(lambda connection: controls.campaigns(connection, name))

    def spending(self) -> list[Spent]:
        return self._reader.call(controls.spending)

    def spent(self, campaign: str) -> int:
        return self._reader.call(lambda connection: controls.spent(connection, campaign))

    def over_limits(self, at_ns: int) -> dict[str, int]:
        return self._reader.call(lambda connection: controls.over_limits(connection, at_ns))

    def opt_outs(self, after: str, limit: int) -> list[OptOut]:
        return self._reader.call(lambda connection: controls.opt_outs(connection, after, limit))

    def reports_waiting(self) -> list[StoredReport]:
        return self._reader.call(campaign_reports.waiting)

    def campaign_report(self, campaign: str) -> StoredReport | None:
        return self._reader.call(lambda connection: campaign_reports.of_campaign(connection, campaign))

    def campaign_progress(self, campaign: str, after_id: int, limit: int) -> CampaignProgress:
        return self._reader.call(
            lambda connection: campaign_reports.progress(connection, campaign, after_id, limit)
        )

    def campaign_rows(self, campaign: str, after_id: int, limit: int) -> list[CampaignRow]:
        return self._reader.call(
            lambda connection: campaign_reports.page(connection, campaign, after_id, limit)
        )

    def renew(self, share: int) -> Renewal:
        membership, idle = self._membership, self._idle_reports
        renewal = self._renewer.call(
            lambda connection: leases.renew(
                connection, self._node, share, membership, self._claimed_turns, idle
            )
        )
        return idle.with_counts(renewal)

    def rule_changes(self, since: float) -> RuleChanges:
        return self._renewer.call(lambda connection: rule_changes.read(connection, self._node, since))

    def share(self, counted: Sequence[NumberCount]) -> None:
        self._renewer.call(lambda connection: rule_changes.share(connection, self._node, counted))

    def reports(self, limit: int) -> list[HandedOver]:
        return self._renewer.call(lambda connection: leases.reports(connection, self._node, limit))

    def close(self) -> None:
        with suppress(StoreError):  # the lease ends then, and the work is taken over a little later
            self._renewer.call(lambda connection: leases.leave(connection, self._node))
        self._close()

    def _close(self) -> None:
        for link in (self._writer, self._reader, self._renewer):
            link.close()
        self._loop.close()
