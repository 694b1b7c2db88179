"""What policy and settings say to new messages and campaigns: refusals, controls, orders of reports."""

from __future__ import annotations

import re

from reference_sender.api.intake import MAIL_RULE, SPENDING_RULE, Defaults, Invalid
from reference_sender.campaign_report.settings import CampaignReportSettings
from reference_sender.dispatch.values import NS_PER_S, Message
from reference_sender.policy.campaigns import CampaignChange, CampaignState
from reference_sender.policy.gate import Gate
from reference_sender.policy.recipients import RecipientLimits
from reference_sender.policy.settings import amount
from reference_sender.store.campaign_reports import ReportOrder

POLICY_CODES = frozenset(
    {"opted_out", "campaign_cancelled", "recipient_limit", "quiet_hours", "duplicate_recipient"}
)
_MOST = 1e9
NO_REPORTS = CampaignReportSettings(enabled=False)
_MOST_ADDRESSES = 10
_is_address = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,255}").fullmatch
DUPLICATE = Invalid(
    "duplicate_recipient",
    "to",
    "an earlier row of the campaign has this number and text: send it once, or give duplicates=allow before "
    "the rows (of a CSV: in the query)",
)


class IntakeRules:
    """Checks each new message. What depends on time holds a message and does not refuse it (``gate``)."""

    def __init__(
        self, gate: Gate, limits: RecipientLimits, reports: CampaignReportSettings = NO_REPORTS
    ) -> None:
        self._gate = gate
        self._limits = limits
        self._reports = reports

    def check(self, now_ns: int, message: Message) -> None:
        """Raises ``Invalid``. Otherwise the message is counted for its number."""
        gate = self._gate
        # Asked first whether there is anyone at all: this is called for every message.
        if gate.opt_outs.numbers and gate.opt_outs.refuse(message.to, message.lane):
            raise Invalid(
                "opted_out",
                "to",
                f"this number is on the opt-out list: it gets no {message.lane.value} messages",
            )
        if gate.campaigns and (campaign := gate.campaigns.get(message.campaign)) is not None:
            if campaign.state is CampaignState.CANCELLED:
                raise cancelled(message.campaign)
            if gate.spending is None and campaign.spending_limit is not None:
                raise Invalid(
                    "invalid",
                    "campaign",
                    f"campaign {message.campaign} has a spending limit, which needs prices: give"
                    " spending.cost_per_segment in the policy file, or use another campaign",
                )
        if message.keeps_hours:
            at_ns = max(now_ns, message.not_before_ns - gate.wall.ahead_ns)
            if gate.opens_ns(message.to, at_ns) >= message.expires_ns:
                raise Invalid(
                    "quiet_hours",
                    "expires_in_s",
                    "the message expires before the recipient's opening hours: give a longer expires_in_s, or"
                    " quiet_hours=ignore",
                )
        if self._limits.active:
            wait_ns = self._limits.take(now_ns, message.to, message.lane)
            if wait_ns:
                wait_s = -(-wait_ns // NS_PER_S)
                rule = f"this number got too many messages, the limit is {self._limits.rule(message.lane)}"
                raise Invalid("recipient_limit", "to", f"{rule}: try again later", wait_s)

    def undo(self, message: Message) -> None:
        """A checked message was not stored, so it does not count for its number."""
        if self._limits.active:
            self._limits.undo(message.to, message.lane, message.created_ns)

    def campaign(self, name: str, defaults: Defaults) -> CampaignChange | None:
        """What the request whose rows begin to arrive changes of its campaign. Raises ``Invalid``."""
        known = self._gate.campaign(name)
        if known is not None and known.state is CampaignState.CANCELLED:
            raise cancelled(name)
        limit = self.limit(defaults.spending_limit)
        # Also if this node knows the same limit: another one may have set another one since.
        return None if limit is None else CampaignChange(name, spending_limit=limit)

    def report_order(self, at_ns: int, name: str, defaults: Defaults) -> ReportOrder | None:
        """The order, at ``at_ns`` in Unix time, of a report on a campaign; None if there are no reports.
        Raises ``Invalid``.
        """
        settings, given = self._reports, defaults.report_to
        if given is not None and (not settings.enabled or settings.email is None):
            raise Invalid(
                "invalid",
                "report_to",
                "report_to needs a mail server: give the table email in the file of --campaign-reports",
            )
        if not settings.enabled:
            return None
        addresses = given.split(",") if isinstance(given, str) else given or []
        recipients = tuple(dict.fromkeys(address.strip() for address in addresses))
        if given is not None and not 1 <= len(recipients) <= _MOST_ADDRESSES:
            raise Invalid("invalid", "report_to", f"report_to must be {MAIL_RULE}")
        for place, address in enumerate(addresses):
            if not _is_address(address.strip()):
                text = f"report_to[{place}] must be a mail address, such as ann@example.org"
                raise Invalid("invalid", "report_to", text)
        language = "" if defaults.report_language is None else defaults.report_language.value
        return ReportOrder(name, at_ns, language, recipients)

    def limit(self, spending_limit: float | None) -> int | None:
        """A campaign's limit in millionths. Raises ``Invalid``."""
        if spending_limit is None:
            return None
        if not 0 <= spending_limit <= _MOST:
            raise Invalid("invalid", "spending_limit", f"spending_limit must be {SPENDING_RULE}")
        if self._gate.spending is None:
            raise Invalid(
                "invalid",
                "spending_limit",
                "spending_limit needs prices: give spending.cost_per_segment in the policy file",
            )
        return amount(spending_limit)


class DuplicateRows:
    """The numbers and texts of one body. ``check`` raises for a pair that an earlier row has, also if that
    row is not stored and the client is to send it again. The store finds those of other requests.

    A row that repeats the key of that row is left to the store, which answers as for any repeated key.
    """

    def __init__(self) -> None:
        self._keys: dict[int, str] = {}  # by a hash of number and text: 64 bits for at most 100,000 rows

    def check(self, message: Message, key: str | None) -> None:
        """Raises ``Invalid``. ``key`` is the row's own."""
        own = message.key
        first = self._keys.setdefault(hash((message.to, message.text)), own)
        if first is not own and first != key:
            raise DUPLICATE

    def forget(self, message: Message) -> None:
        """The row of ``message`` was refused permanently: a later one may repeat its number and text."""
        pair = hash((message.to, message.text))
        if self._keys.get(pair) is message.key:
            del self._keys[pair]


def cancelled(campaign: str) -> Invalid:
    """The refusal of messages for a cancelled campaign."""
    return Invalid("campaign_cancelled", "campaign", f"campaign {campaign} is cancelled: use another name")
