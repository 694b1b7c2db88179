"""Applies the rules to messages: which may go to the dispatcher now, which are held, and which end.

A message is held until its ``not_before_ns``, in the quiet hours of its recipient's country if it keeps to
them, while its campaign is paused, and while it is over a spending limit. The ``not_before_ns`` of the last
kind is ``FOREVER`` plus the instant of its schedule. A held message is in the store. After a restart the same
rules hold it again. Its cost was reserved when it was accepted and is not reserved again.

``not_before_ns`` is Unix time, as are opening hours and days; all other instants are of the node's clock.
``wall`` has the difference. The validity of a message with a ``not_before_ns`` begins at that instant, so its
expiry follows the wall clock while the message is held until then. Any other validity is an interval.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence

from msgspec.structs import replace

from reference_sender.dispatch.values import Message, State
from reference_sender.policy.campaigns import Campaign, CampaignState
from reference_sender.policy.countries import Prefixes, zone_of
from reference_sender.policy.gate_values import (
    NOTHING_CHANGED,
    AdmittedMessages,
    Changed,
    HeldCounts,
    Released,
)
from reference_sender.policy.held import Held
from reference_sender.policy.opt_out import OptOutNumbers
from reference_sender.policy.quiet_hours import FOREVER, OpeningHours, OpenWindow
from reference_sender.policy.settings import NO_POLICY, PolicySettings, amount
from reference_sender.policy.spending import SegmentPrices, Spending, Spent, summed
from reference_sender.policy.spending_state import CampaignSpending, SpendingState
from reference_sender.policy.to_fit import ToFit
from reference_sender.policy.wall_offset import WallOffset

CANCELLED = "cancelled"
OPTED_OUT = "opted_out"
EXPIRED_HELD = "expired"
# Messages that are released in one call. More are released in the next one, so that other work continues.
RELEASED_AT_ONCE = 500
_LATER = -1  # equals no version, so ``stored`` applies the rules again


class Gate:
    """The state of all rules. ``spending`` is None if no prices are known."""

    def __init__(
        self,
        hours: OpeningHours,
        opt_outs: OptOutNumbers,
        spending: Spending | None = None,
        campaigns: Iterable[Campaign] = (),
        wall: WallOffset | None = None,
    ) -> None:
        """``wall`` must be that of ``spending``."""
        self.wall = wall or WallOffset()
        self._hours = hours
        self.opt_outs = opt_outs
        self.spending = spending
        # Other modules only read this and the next one, which has the names of paused and cancelled ones.
        # ``ChangingRules`` also replaces a value by an equal one.
        self.campaigns = {each.name: each for each in campaigns}
        running = CampaignState.RUNNING
        self.stopped = {each.name for each in self.campaigns.values() if each.state is not running}
        self._held = Held()
        self._to_fit = ToFit()
        self.may_fit = True  # set by ``ChangingRules``: two nodes must not both use the rest of a limit
        self._version = 0  # rises when a campaign, the opt-out list or the wall clock changes

    @property
    def held_messages(self) -> int:
        """Held messages of all campaigns."""
        return len(self._held)

    def campaign(self, name: str) -> Campaign | None:
        """The controls of a campaign, if it has any."""
        return self.campaigns.get(name)

    def holds(self, message_id: int) -> bool:
        """Whether this message is held."""
        return message_id in self._held

    def holds_any_of(self, campaign: str) -> bool:
        """Whether any message of a campaign is held, also a second one of an OTP."""
        return self._held.holds_any(campaign)

    def next_released(self, campaign: str) -> Message | None:
        """One of the held messages of ``campaign`` that are released next; None: the instant is unknown."""
        return self._held.releases.first(campaign)

    def held(self, campaign: str) -> HeldCounts:
        """How many messages of a campaign are held."""
        return HeldCounts(self._held.count(campaign), self._held.over_limit(campaign))

    def spending_state(self, now_ns: int) -> SpendingState:
        """How far the spending limits are used up at ``now_ns``."""
        spending = self.spending
        if spending is None:
            return SpendingState()
        day = spending.day(now_ns)
        campaigns = tuple(
            CampaignSpending(
                each.name, spending.spent.get(each.name, 0), limit, self._held.over_limit(each.name)
            )
            for each in self.campaigns.values()
            if (limit := each.spending_limit) is not None
        )
        moved = spending.moved_from(day)
        return SpendingState(day, spending.on_day(day), spending.daily_limit, moved, campaigns)

    def bars(self, message: Message) -> bool:
        """Whether a waiting message must leave the dispatcher: its campaign is stopped, or its recipient
        opted out.
        """
        return message.campaign in self.stopped or self.opt_outs.refuse(message.to, message.lane)

    def admit(self, now_ns: int, messages: Sequence[Message]) -> AdmittedMessages:
        """Apply the rules to new messages, and reserve their costs."""
        if self.spending is None and not self._may_hold(messages):
            return AdmittedMessages(messages, messages, version=self._version)
        placed: list[Message] = []
        ready: list[Message] = []
        held: list[Message] = []
        spent: list[Spent] = []
        reserved: list[tuple[int, Spent]] = []
        wall, version = self.wall, self._version
        for new in messages:
            by_ns = wall.ahead_ns - wall.ahead_at_ns(new.created_ns)
            if by_ns:
                new = replace(following_wall(new, by_ns), dated_ns=new.created_ns + wall.ahead_ns)
            if new.campaign in self._to_fit and self._limit(new.campaign) is not None:
                # Earlier messages of its campaign are not fitted yet. This one is fitted after them.
                message, version = _over_limit(new), _LATER
            else:
                message = new if self.spending is None else self._reserved(now_ns, new, spent)
            if len(spent) > len(reserved):
                reserved.append((message.message_id, spent[-1]))
            placed.append(message)
            (ready if self.is_ready(now_ns, message) else held).append(message)
        keeps_hours = any(message.keeps_hours for message in ready)
        return AdmittedMessages(
            placed, ready, held, summed(spent), version, keeps_hours, wall.ahead_ns, reserved
        )

    def _may_hold(self, messages: Sequence[Message]) -> bool:
        """Whether a rule other than spending may hold or end one of ``messages``."""
        for message in messages:
            if message.not_before_ns or message.keeps_hours:
                return True
        stopped, refused = self.stopped, self.opt_outs.numbers
        rules = stopped or refused
        return bool(rules) and any(each.campaign in stopped or each.to in refused for each in messages)

    def stored(self, now_ns: int, admitted: AdmittedMessages) -> tuple[Sequence[Message], Sequence[Message]]:
        """The messages of ``admitted`` are stored now. Returns those that may be sent, and the held ones."""
        if admitted.version == self._version and not admitted.keeps_hours:
            return admitted.ready, admitted.held
        self.fit_later(admitted.held)
        by_ns = self.wall.ahead_ns - admitted.ahead_ns
        ready = [message for message in admitted.ready if self.is_ready(now_ns, message)]
        late = [message for message in admitted.ready if not self.is_ready(now_ns, message)]
        return ready, [following_wall(message, by_ns) for message in (*admitted.held, *late)]

    def take_back(self, admitted: AdmittedMessages) -> None:
        """The commit of ``admitted`` failed: none of it is stored."""
        if self.spending is not None:
            for spent in admitted.spent:
                self.spending.add(replace(spent, amount=-spent.amount))

    def not_stored(self, admitted: AdmittedMessages, taken: Container[int]) -> None:
        """Messages in ``taken`` were not stored, since their keys were in use. The store has left out their
        costs.
        """
        for message_id, spent in admitted.reserved:
            if message_id in taken and self.spending is not None:
                self.spending.add(replace(spent, amount=-spent.amount))

    def totals(self, changed: Iterable[Spent]) -> list[Spent]:
        """What the store must keep after these changes of costs."""
        return [] if self.spending is None else self.spending.totals(changed)

    def not_kept(self, messages: Iterable[Message]) -> list[Spent]:
        """Return the costs of messages that were not sent: they were cancelled, or opted out."""
        spending = self.spending
        if spending is None:
            return []
        return summed(spending.returned(message) for message in messages if message.not_before_ns < FOREVER)

    def hold(self, now_ns: int, messages: Iterable[Message]) -> None:
        """Hold stored messages until they may be sent, or until they end."""
        for message in messages:
            self._held.add(message, self._due_ns(now_ns, message))

    def is_ready(self, now_ns: int, message: Message) -> bool:
        """Whether ``message`` may be sent now."""
        if not (message.not_before_ns or message.keeps_hours or self.bars(message)):
            return True
        return not self.ending(message) and self.may_go_ns(now_ns, message) <= now_ns

    def next_ns(self) -> int | None:
        """When ``release`` or ``fit`` has work."""
        return 0 if self.may_fit and self._to_fit else self.next_release_ns()

    def next_release_ns(self) -> int | None:
        """When ``release`` has work."""
        return self._held.next_ns()

    def release(self, now_ns: int) -> Released:
        """Messages that are due now, at most ``RELEASED_AT_ONCE``."""
        ready: list[Message] = []
        ended: list[tuple[Message, State, str]] = []
        for message in self._held.take_review(RELEASED_AT_ONCE):
            self._held.move(message, self._due_ns(now_ns, message))
        for message in self._held.pop_due(now_ns, RELEASED_AT_ONCE):
            reason = self.ending(message)
            if message.expires_ns <= now_ns:
                ended.append((message, State.EXPIRED, EXPIRED_HELD))
            elif reason:
                ended.append((message, State.FAILED, reason))
            elif self.may_go_ns(now_ns, message) > now_ns:
                self.hold(now_ns, [message])
            else:
                ready.append(message)
        return Released(ready, ended)

    def ending(self, message: Message) -> str:
        """Why a message that no provider has ends now as FAILED; "": it does not."""
        campaign = self.campaigns.get(message.campaign)
        if campaign is not None and campaign.state is CampaignState.CANCELLED:
            return CANCELLED
        return OPTED_OUT if self.opt_outs.refuse(message.to, message.lane) else ""

    def closes(self, now_ns: int, messages: Iterable[Message]) -> Mapping[int, int]:
        """For messages that may be sent now and keep opening hours: the end of the opening hours, by id."""
        return {
            message.message_id: self._window(message.to, now_ns).closes_ns
            for message in messages
            if message.keeps_hours
        }

    def opens_ns(self, number: str, at_ns: int) -> int:
        """The first instant, from ``at_ns`` on, at which the number's country has opening hours."""
        return max(at_ns, self._window(number, at_ns).opens_ns)

    def _window(self, number: str, at_ns: int) -> OpenWindow:
        ahead_ns = self.wall.ahead_ns
        window = self._hours.window(number, at_ns + ahead_ns)
        return OpenWindow(window.opens_ns - ahead_ns, window.closes_ns - ahead_ns) if ahead_ns else window

    def set_wall(self, now_ns: int, ahead_ns: int) -> int:
        """The wall clock is ``ahead_ns`` ahead from now on. Returns the change of the offset."""
        self._version += 1
        by_ns = self.wall.set(now_ns, ahead_ns)
        for held in self._held.messages():
            if held.not_before_ns > 0 or held.keeps_hours:
                message = self._after_clock_step(now_ns, by_ns, held)
                self._held.move(message, self._due_ns(now_ns, message))
        return by_ns

    def after_step(self, now_ns: int, by_ns: int, message: Message) -> tuple[Message, int]:
        """A message that is not held, as it is after ``set_wall``, and the end of the time in which it may be
        sent. That is ``now_ns`` if it may not be sent.
        """
        message = self._after_clock_step(now_ns, by_ns, message)
        if not self.is_ready(now_ns, message):
            return message, now_ns
        return message, self._window(message.to, now_ns).closes_ns if message.keeps_hours else FOREVER

    def _after_clock_step(self, now_ns: int, by_ns: int, message: Message) -> Message:
        # A validity that began before the step is an interval, unless the message waits for its instant.
        began_ns = now_ns + self.wall.ahead_ns - max(0, by_ns)
        return following_wall(message, by_ns) if message.not_before_ns % FOREVER > began_ns else message

    def change(self, now_ns: int, campaign: Campaign) -> Changed:
        """Set the controls of a campaign, and begin to ``fit`` its held messages into its limit.

        Those of a campaign that is resumed or cancelled are placed again by the next calls of ``release``.
        Those of a campaign that is paused stay as they are: ``release`` holds them again when they are due.
        """
        self._version += 1
        before = self.campaigns.get(campaign.name)
        state_before = CampaignState.RUNNING if before is None else before.state
        self.campaigns[campaign.name] = campaign
        if campaign.state is CampaignState.RUNNING:
            self.stopped.discard(campaign.name)
        else:
            self.stopped.add(campaign.name)
        if campaign.state not in (state_before, CampaignState.PAUSED):
            self._held.review(campaign.name)
        if self.spending is not None:
            over = () if self._is_used_up(campaign.name) else self._held.over_limits(campaign.name)
            self._to_fit.replace(campaign.name, over)
        return self.fit(now_ns)

    def forget(self, name: str, day: int) -> None:
        """A later campaign of that name is new. Its held messages, and costs from ``day`` on, are of it."""
        self._version += 1
        self.campaigns.pop(name, None)
        self.stopped.discard(name)
        self._held.review(name)
        if self.spending is not None:
            self.spending.forget(name, day)
            self._to_fit.replace(name, self._held.over_limits(name))

    def fit_later(self, messages: Iterable[Message]) -> None:
        """``messages`` were admitted earlier. Limits that some of them exceed may have changed since then."""
        if self.spending is not None:
            for each in messages:
                if each.not_before_ns >= FOREVER:
                    self._to_fit.add(each.campaign, each.message_id)

    def fit(self, now_ns: int) -> Changed:
        """Fit the next held messages into the spending limits that changed, at most ``RELEASED_AT_ONCE``."""
        changed: list[Message] = []
        spent: list[Spent] = []
        looked_at = 0
        while self.may_fit and looked_at < RELEASED_AT_ONCE and (number := self._to_fit.pop()) is not None:
            looked_at += 1
            held = self._held.get(number)
            if held is None or held.not_before_ns < FOREVER:
                continue
            if self._is_used_up(held.campaign):
                self._to_fit.drop(held.campaign)
                continue
            message = replace(held, not_before_ns=held.not_before_ns - FOREVER)
            message = self._reserved(now_ns, message, spent)
            if message.not_before_ns < FOREVER:
                changed.append(message)
                self._held.move(message, self._due_ns(now_ns, message))
        return Changed(changed, summed(spent)) if looked_at else NOTHING_CHANGED

    def end_opted_out(self) -> None:
        """Held messages to numbers that opted out end with the next calls of ``release``."""
        self._version += 1
        self._held.review_all()

    def _reserved(self, now_ns: int, message: Message, spent: list[Spent]) -> Message:
        assert self.spending is not None
        at_ns, reserved = self.spending.reserve(now_ns, message, self._limit(message.campaign))
        if reserved is None:
            return _over_limit(message)
        spent.append(reserved)
        moved = at_ns > max(now_ns + self.wall.ahead_ns, message.not_before_ns)
        return replace(message, not_before_ns=at_ns) if moved else self.spending.dated(message, reserved.day)

    def _limit(self, name: str) -> int | None:
        campaign = self.campaigns.get(name)
        return None if campaign is None else campaign.spending_limit

    def _is_used_up(self, name: str) -> bool:
        """Whether the limit of a campaign leaves too little for the cheapest message."""
        limit = self._limit(name)
        assert self.spending is not None
        return limit is not None and self.spending.spent.get(name, 0) + self.spending.prices.lowest > limit

    def _due_ns(self, now_ns: int, message: Message) -> int:
        return now_ns if self.ending(message) else self.may_go_ns(now_ns, message)

    def may_go_ns(self, now_ns: int, message: Message) -> int:
        """When the message may go to the dispatcher, by campaign, ``not_before_ns`` and opening hours."""
        if message.campaign in self.stopped:
            return FOREVER
        if message.not_before_ns >= FOREVER:
            return FOREVER
        at_ns = max(now_ns, message.not_before_ns - self.wall.ahead_ns)
        return self.opens_ns(message.to, at_ns) if message.keeps_hours else at_ns


def _over_limit(message: Message) -> Message:
    return replace(message, not_before_ns=FOREVER + message.not_before_ns)


def following_wall(message: Message, by_ns: int) -> Message:
    """A held message after the wall clock was set forward by ``by_ns``."""
    if not by_ns or not message.not_before_ns % FOREVER:
        return message
    return replace(message, expires_ns=message.expires_ns - by_ns)


def open_gate(
    settings: PolicySettings = NO_POLICY,
    opt_outs: Iterable[str] = (),
    campaigns: Iterable[Campaign] = (),
    spent: Iterable[Spent] = (),
) -> Gate:
    """A gate by ``settings``, with the state that an earlier process stored."""
    hours = OpeningHours(settings.countries)
    numbers = OptOutNumbers(settings.opt_out.classes, opt_outs)
    rule = settings.spending
    spending = None
    wall = WallOffset()
    if rule.has_prices:
        # The route is not chosen yet: the highest price keeps the limit with every route.
        by_country = {code: amount(rule.highest(code)) for code in rule.countries()}
        prices = SegmentPrices(amount(rule.highest("")), by_country, Prefixes(settings.countries.items()))
        daily = None if rule.daily_limit is None else amount(rule.daily_limit)
        spending = Spending(prices, daily, zone_of(rule.time_zone), spent, wall)
    return Gate(hours, numbers, spending, campaigns, wall)
