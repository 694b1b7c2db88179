"""Statements that remove old reports, controls and costs of campaigns, in steps. Both stores have the same
tables; parameters are as in ``report_statements.py``.
"""

from __future__ import annotations

from msgspec import Struct

_REPORTS, _CAMPAIGNS, _COSTS = range(3)  # the order of a pass
_BEFORE_ALL = -1  # days
# A mail is tried for three days. One that waits for longer is of a sender that has no mail settings any more.
MAILED_WITHIN_NS = 4 * 86_400 * 1_000_000_000

Statement = tuple[str, tuple[str | int, ...]]


class OldRules(Struct, frozen=True):
    """What is removed: what was last changed before ``before_ns``, and costs of days before ``day``."""

    before_ns: int
    day: int


class RulePlace(Struct, frozen=True):
    """Where a step begins: after a campaign and a day of a table."""

    table: int = _REPORTS
    campaign: str = ""
    day: int = _BEFORE_ALL

    def page(self, limit: int) -> Statement:
        """The next campaigns and days."""
        start = (self.campaign, self.day) if self.table == _COSTS else (self.campaign,)
        return _PAGES[self.table], (*start, limit)

    def next(self, looked_at: int, limit: int, last: RulePlace) -> RulePlace | None:
        """Where the next step begins, after a page of ``looked_at`` rows that ended at ``last``. None: the
        pass is complete.
        """
        if looked_at == limit:
            return last
        return RulePlace(self.table + 1) if self.table < _COSTS else None


_PAGES = {
    _REPORTS: "SELECT campaign, -1 FROM campaign_report WHERE campaign > $1 ORDER BY campaign LIMIT $2",
    _CAMPAIGNS: "SELECT name, -1 FROM campaign WHERE name > $1 ORDER BY name LIMIT $2",
    _COSTS: "SELECT DISTINCT campaign, day FROM spending WHERE (campaign, day) > ($1, $2)"
    " ORDER BY campaign, day LIMIT $3",
}


class RulePurge:
    """The removals of a store. ``collated`` makes the name of a campaign comparable with an index of another
    table; ``changed_before`` is the condition on the last change of a campaign's controls.
    """

    def __init__(self, collated: str, changed_before: str) -> None:
        # Queries of one row for each campaign. An EXISTS could be planned as one pass over the other table.
        # ``m.campaign <> ''`` repeats the condition of the partial index.
        message = (
            f"(SELECT m.id FROM message m WHERE m.campaign = {{}}{collated} AND m.campaign <> '' LIMIT 1)"
        )
        self._removals = {
            _REPORTS: (
                "DELETE FROM campaign_report WHERE campaign > $1 AND campaign <= $2 AND ordered_ns < $3"
                " AND coalesce(made_ns, 0) < $4 AND (NOT to_mail OR made_ns < $5)"
                f" AND {message.format('campaign_report.campaign')} IS NULL"
            ),
            _CAMPAIGNS: (
                f"DELETE FROM campaign WHERE name > $1 AND name <= $2 AND {changed_before}"
                f" AND {message.format('campaign.name')} IS NULL AND"
                " (SELECT r.campaign FROM campaign_report r WHERE r.campaign = campaign.name) IS NULL AND"
                f" (SELECT s.day FROM spending s WHERE s.campaign = campaign.name{collated} AND s.day >= $4"
                " LIMIT 1) IS NULL"
            ),
            _COSTS: (
                "DELETE FROM spending WHERE (campaign, day) > ($1, $2) AND (campaign, day) <= ($3, $4)"
                " AND day < $5 AND"
                " (SELECT c.spending_limit FROM campaign c WHERE c.name = spending.campaign) IS NULL"
            ),
        }

    def query_before(self, statement: str) -> str:
        """A query that has a row if the removal ``statement`` would remove one. It has the same values."""
        return statement.replace("DELETE FROM", "SELECT 1 FROM", 1) + " LIMIT 1"

    def removal(self, old: OldRules, place: RulePlace, last: RulePlace) -> Statement:
        """What removes the old rows between two places of a table."""
        values: tuple[str | int, ...]
        if place.table == _REPORTS:
            before_ns = old.before_ns
            values = (place.campaign, last.campaign, before_ns, before_ns, before_ns - MAILED_WITHIN_NS)
        elif place.table == _CAMPAIGNS:
            values = (place.campaign, last.campaign, old.before_ns, old.day)
        else:
            values = (place.campaign, place.day, last.campaign, last.day, old.day)
        return self._removals[place.table], values
