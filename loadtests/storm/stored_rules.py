"""The campaigns, costs and opt-outs of a store in a storm."""

from __future__ import annotations

from collections.abc import Sequence

from loadtests.storm.disk import Disk
from reference_sender.policy.campaigns import Campaign
from reference_sender.policy.opt_out import OptOut
from reference_sender.policy.spending import Spent
from reference_sender.store.protocol import StoreError
from reference_sender.store.rule_purge import MAILED_WITHIN_NS, OldRules, RulePlace


class StoredRules:
    """A part of ``ModelStore``."""

    disk: Disk

    def campaigns(self, name: str | None = None) -> list[Campaign]:
        found = sorted(self.disk.campaigns.items())
        return [campaign for known, campaign in found if name in (None, known)]

    def spending(self) -> list[Spent]:
        return [Spent(name, day, amount) for (name, day), amount in self.disk.spent.items()]

    def spent(self, campaign: str) -> int:
        return sum(amount for (name, _), amount in self.disk.spent.items() if name == campaign)

    def opt_outs(self, after: str, limit: int) -> list[OptOut]:
        found = [opt_out for number, opt_out in sorted(self.disk.opt_outs.items()) if number > after]
        return found[:limit]

    def controlled(self, names: Sequence[str]) -> frozenset[str]:
        return frozenset(names) & self.disk.campaigns.keys()

    def purge_rules(self, old: OldRules, place: RulePlace, limit: int) -> RulePlace | None:
        disk = self.disk
        if disk.full:
            raise StoreError("database or disk is full")
        tables: tuple[set[tuple[str, int]], ...] = (
            {(name, -1) for name in disk.reports},
            {(name, -1) for name in disk.campaigns},
            set(disk.spent),
        )
        rows = sorted(each for each in tables[place.table] if each > (place.campaign, place.day))[:limit]
        for name, day in rows:
            if place.table == 0 and self._is_old_report(old, name):
                del disk.reports[name]
            elif place.table == 1 and self._is_old_campaign(old, name):
                del disk.campaigns[name]
            elif place.table == 2 and day < old.day and not self._has_limit(name):
                disk.removed[name, day] = disk.removed.get((name, day), 0) + disk.spent.pop((name, day))
        return place.next(len(rows), limit, RulePlace(place.table, *rows[-1]) if rows else place)

    def has_messages(self, campaign: str) -> bool:
        """Whether the store has a message of a campaign."""
        return any(message.campaign == campaign for message in self.disk.messages.values())

    def _has_limit(self, name: str) -> bool:
        campaign = self.disk.campaigns.get(name)
        return campaign is not None and campaign.spending_limit is not None

    def _is_old_report(self, old: OldRules, name: str) -> bool:
        report, before_ns = self.disk.reports[name], old.before_ns
        made_ns = report.made_ns or 0
        mailed = not report.to_mail or made_ns < before_ns - MAILED_WITHIN_NS
        return max(report.ordered_ns, made_ns) < before_ns and mailed and not self.has_messages(name)

    def _is_old_campaign(self, old: OldRules, name: str) -> bool:
        has_costs = any(campaign == name and day >= old.day for campaign, day in self.disk.spent)
        is_old = self.disk.changed_ns.get(name, 0) < old.before_ns
        return is_old and not (has_costs or name in self.disk.reports or self.has_messages(name))
