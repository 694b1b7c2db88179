"""The rules of countries, and the class of a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from mock_provider.engine.distributions import NS_PER_S
from mock_provider.engine.localtime import OpenHours
from mock_provider.engine.senders import sender_form
from mock_provider.engine.values import MessageClass, Outbound, Submit
from mock_provider.settings.values import Refusal

if TYPE_CHECKING:
    from mock_provider.engine.settings import EngineSettings
    from mock_provider.settings import network

_MARKETING = MessageClass.MARKETING
_UNSPECIFIED = MessageClass.UNSPECIFIED


class Judged(Struct, frozen=True, gc=False):
    """``refusal`` None: allowed, and if ``not_before_ns`` is not 0 not before that instant."""

    refusal: Refusal | None = None
    not_before_ns: int = 0


_ALLOWED = Judged()


class _ReadyRules(Struct, frozen=True, gc=False):
    """The rules of one country, prepared for use."""

    numeric_only: bool
    registered_names: bool
    registered_numbers: bool
    hours: OpenHours | None
    wordings: tuple[str, ...]
    max_segments: int | None


class Rules:
    """``active`` False: the profile has neither rules nor a list of allowed countries."""

    __slots__ = ("_allowed", "_by_country", "_registered", "_traffic", "active", "wall_offset_ns")

    def __init__(self, profile: EngineSettings, wall_offset_ns: int) -> None:
        self._by_country = {section.country: _ready(section) for section in profile.rules}
        self._allowed = frozenset(profile.account.countries)
        self._registered = frozenset(name.casefold() for name in profile.account.registered_senders)
        self._traffic = TrafficOf(profile.traffic)
        self.wall_offset_ns = wall_offset_ns
        self.active = bool(self._by_country or self._allowed)

    def of_request(self, submit: Submit, now_ns: int) -> RequestRules:
        """The rules for the messages of one request. A scheduled request is judged by its scheduled time."""
        starts_ns = now_ns if submit.scheduled_ns is None else max(now_ns, submit.scheduled_ns)
        return RequestRules(self, submit, self._traffic.is_marketing(submit), starts_ns)

    def for_all(self, country: str, sender_id: str, marketing: bool, at_ns: int) -> Judged:
        """The result for every message from this sender to this country at ``at_ns``, whatever its text."""
        if self._allowed and country not in self._allowed:
            return Judged(Refusal.COUNTRY_NOT_ALLOWED)
        rules = self._by_country.get(country)
        if rules is None:
            return _ALLOWED
        is_name = sender_form(sender_id) == "alphanumeric"
        if is_name and rules.numeric_only:
            return Judged(Refusal.SENDER_FORM_NOT_ALLOWED)
        needed = rules.registered_names if is_name else rules.registered_numbers
        if needed and sender_id.casefold() not in self._registered:
            return Judged(Refusal.SENDER_NOT_REGISTERED)
        if not marketing or rules.hours is None:
            return _ALLOWED
        return self._within_hours(rules.hours, at_ns)

    def for_one(self, country: str, outbound: Outbound, marketing: bool) -> Refusal | None:
        """The rule that the text or length of the message breaks."""
        rules = self._by_country.get(country)
        if rules is None:
            return None
        if rules.max_segments is not None and outbound.segments > rules.max_segments:
            return Refusal.TOO_MANY_SEGMENTS
        if marketing and rules.wordings:
            text = outbound.text.casefold()
            if not any(wording in text for wording in rules.wordings):
                return Refusal.OPT_OUT_MISSING
        return None

    def _within_hours(self, hours: OpenHours, at_ns: int) -> Judged:
        unix_s = (at_ns + self.wall_offset_ns) // NS_PER_S
        if hours.are_open(unix_s):
            return _ALLOWED
        if hours.refused_outside:
            return Judged(Refusal.QUIET_HOURS)
        return Judged(None, hours.next_open(unix_s) * NS_PER_S - self.wall_offset_ns)


class RequestRules:
    """The rules for one request. What does not depend on the single message is found once per country."""

    __slots__ = ("_at_ns", "_by_country", "_marketing", "_rules", "_sender_id")

    def __init__(self, rules: Rules, submit: Submit, marketing: bool, at_ns: int) -> None:
        self._rules = rules
        self._sender_id = submit.sender_id
        self._marketing = marketing
        self._at_ns = at_ns
        self._by_country: dict[str, Judged] = {}

    def judge(self, country: str, outbound: Outbound) -> Judged:
        """The first rule that is broken, or the time from which the message is allowed."""
        judged = self._by_country.get(country)
        if judged is None:
            judged = self._rules.for_all(country, self._sender_id, self._marketing, self._at_ns)
            self._by_country[country] = judged
        if judged.refusal is None:
            refusal = self._rules.for_one(country, outbound, self._marketing)
            if refusal is not None:
                return Judged(refusal)
        return judged


class TrafficOf:
    """The class of a request whose protocol does not state it."""

    __slots__ = ("_marketing_by_default", "_marketing_senders")

    def __init__(self, settings: network.TrafficSettings) -> None:
        self._marketing_senders = frozenset(settings.marketing_senders)
        self._marketing_by_default = settings.default_message_class == _MARKETING.value

    def is_marketing(self, submit: Submit) -> bool:
        """A priority message is never marketing."""
        options = submit.options
        if options.priority:
            return False
        if options.message_class is not _UNSPECIFIED:
            return options.message_class is _MARKETING
        return self._marketing_by_default or submit.sender_id in self._marketing_senders


def _ready(section: network.CountryRules) -> _ReadyRules:
    return _ReadyRules(
        section.sender == "numeric",
        section.registration != "none",
        section.registration == "all",
        None if section.marketing_hours is None else OpenHours(section.marketing_hours),
        tuple(wording.casefold() for wording in section.opt_out_any_of),
        section.max_segments,
    )
