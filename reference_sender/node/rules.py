"""Changes of a node's rules: campaigns, the opt-out list, and the changes of these that other nodes made.

The store returns all changes, those of this node included. A change of this node that is not stored yet is
newer than the stored state, so it is applied to that state.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce

from msgspec.structs import replace

from reference_sender.dispatch.values import NS_PER_S, Message, State
from reference_sender.node.commits import Commits
from reference_sender.node.effects import Waiter
from reference_sender.policy.campaigns import (
    Campaign,
    CampaignChange,
    CampaignState,
    KnownCampaign,
    changed_campaign,
)
from reference_sender.policy.gate import Gate
from reference_sender.policy.gate_values import Changed, Released
from reference_sender.policy.opt_out import OptOut
from reference_sender.store.protocol import Control, Hold, OptIn, RuleChanges

# How long a granted turn lasts. The changes are read again after about this time, and may renew it.
_TURN_NS = NS_PER_S // 5


class ChangingRules:
    """Changes the gate, and hands what the store must keep to ``commits``."""

    def __init__(self, gate: Gate, commits: Commits) -> None:
        self._alone = True  # no other node uses the store
        self._turn_until_ns = 0
        self._storing = False  # whether new holds of fitted messages are on their way to the store
        self._gate = gate
        self._commits = commits
        self._changes: dict[str, list[CampaignChange]] = {}  # of this node, by campaign
        self._numbers: set[str] = set()
        self._learns = False  # whether the two are read: other nodes use the store

    def join(self) -> None:
        """Other nodes use the store. From now on messages are fitted into limits only in turns."""
        self._alone = False
        self._gate.may_fit = False

    def change_campaign(self, now_ns: int, change: CampaignChange) -> Campaign:
        """Change the controls of a campaign. Returns those that are in force now."""
        known = self._gate.campaign(change.name)
        campaign = changed_campaign(known, change)
        self._end_turn(now_ns)
        # ``known``: the store may have removed them as old.
        before = [] if known is None else [self._known(now_ns, known, with_message=False)]
        self._keep([*before, replace(change, at_ns=now_ns)])
        # Each request of a campaign may give the same limit. Its held messages are not fitted again then.
        if change.state is None and campaign == known:
            return self._renewed(change.name)
        self._keep_fitted(self._gate.change(now_ns, campaign))
        return campaign

    def hold_recovered(self, now_ns: int, held: Sequence[Message], unread: int) -> None:
        """Hold messages of an earlier process, or of another node. ``unread`` of them are still to come.
        Until then none is fitted into a limit, since an earlier one may come.
        """
        self._gate.hold(now_ns, held)
        self._gate.fit_later(held)
        if self._alone:
            self._gate.may_fit = not unread
        self.fit(now_ns)

    def fit(self, now_ns: int) -> None:
        """Fit the next held messages into limits that changed, if the holds of the previous ones are stored.
        So a commit has few of them. With several nodes each waits for its turn.
        """
        self._end_turn(now_ns)
        if not self._storing:
            self._keep_fitted(self._gate.fit(now_ns))

    def stored(self, now_ns: int) -> None:
        """A commit is durable: continue to ``fit``."""
        self._storing = False
        self.fit(now_ns)

    def next_ns(self) -> int | None:
        """When ``release`` has work."""
        return self._gate.next_release_ns() if self._storing else self._gate.next_ns()

    def _keep_fitted(self, changed: Changed) -> None:
        self._storing = self._storing or bool(changed.holds)
        self._commits.control(_kept(changed))

    def _end_turn(self, now_ns: int) -> None:
        if not self._alone and now_ns >= self._turn_until_ns:
            self._gate.may_fit = False

    def opt_out(self, now_ns: int, numbers: Iterable[str]) -> None:
        """Put ``numbers`` on the opt-out list."""
        opt_outs = [OptOut(number, now_ns) for number in numbers]
        for each in opt_outs:
            self._gate.opt_outs.add(each.number)
        self._keep(opt_outs)
        self._gate.end_opted_out()

    def opt_in(self, numbers: Iterable[str], waiter: Waiter) -> None:
        """Take ``numbers`` off the opt-out list. The waiter gets None when that is durable."""
        opt_ins = [OptIn(number) for number in numbers]
        for each in opt_ins:
            self._gate.opt_outs.remove(each.number)
        self._keep(opt_ins)
        self._commits.answer_when_stored(waiter)

    def keep(self, controls: Iterable[Control], waiter: Waiter) -> None:
        """Store ``controls``. The waiter gets None when that is durable."""
        self._commits.control(controls)
        self._commits.answer_when_stored(waiter)

    def release(self, now_ns: int) -> Released:
        """As ``Gate.release``, after ``fit``. The costs of messages that end unsent are returned."""
        self.fit(now_ns)
        released = self._gate.release(now_ns)
        unsent = [message for message, state, _ in released.ended if state is State.FAILED]
        if unsent:
            self._commits.control(self._gate.not_kept(unsent))
        return released

    def begin_learning(self) -> None:
        """Shared rule changes are being read."""
        self._learns = True
        self._changes.clear()
        self._numbers.clear()
        self._note(self._commits.controls())

    def learn(self, now_ns: int, changes: RuleChanges) -> bool:
        """Apply the changes read since ``begin_learning``. True if waiting messages may have to stop."""
        gate = self._gate
        if gate.spending is not None:
            for spent in changes.spent:
                gate.spending.learn(spent)
        gate.may_fit = False
        bars = False
        for known in changes.campaigns:
            campaign = reduce(changed_campaign, self._changes.get(known.name, ()), known)
            if campaign != gate.campaign(campaign.name):
                gate.change(now_ns, campaign)
                bars = bars or campaign.state is not CampaignState.RUNNING
            else:
                self._renewed(campaign.name)
        if changes.turn:
            self._turn_until_ns = now_ns + _TURN_NS
            gate.may_fit = True
            self.fit(now_ns)
        opt_outs = [number for number in changes.opt_outs if number not in self._numbers]
        added = [number for number in opt_outs if number not in gate.opt_outs.numbers]
        for number in added:
            gate.opt_outs.add(number)
        for number in changes.opt_ins:
            if number not in self._numbers:
                gate.opt_outs.remove(number)
        if added:
            gate.end_opted_out()
        return bars or bool(added)

    def known(self, now_ns: int, messages: Iterable[Message]) -> list[KnownCampaign]:
        """The controls of the campaigns of ``messages``, which the next commit stores. The store may have
        removed them as old.
        """
        gate = self._gate
        if not gate.campaigns:
            return []
        names = {message.campaign for message in messages} & gate.campaigns.keys()
        return [self._known(now_ns, self._renewed(name), with_message=True) for name in sorted(names)]

    def _known(self, now_ns: int, campaign: Campaign, with_message: bool) -> KnownCampaign:
        spending = self._gate.spending
        if spending is None or campaign.spending_limit is None:
            return KnownCampaign(campaign, (), now_ns, with_message)
        return KnownCampaign(campaign, spending.totals_of(campaign.name), now_ns, with_message)

    def _renewed(self, name: str) -> Campaign:
        """The controls of a campaign are stored again, or the store has them again. ``forget``, which may be
        about to follow an earlier answer of the store, sees that by the identity of the object.
        """
        campaign = self._gate.campaigns[name] = replace(self._gate.campaigns[name])
        return campaign

    def unstored(self) -> set[str]:
        """Campaigns whose controls are on their way to the store."""
        found = set()
        for control in self._commits.controls():
            if isinstance(control, CampaignChange):
                found.add(control.name)
            elif isinstance(control, KnownCampaign):
                found.add(control.campaign.name)
        return found

    def stored_campaigns(self, names: Iterable[str]) -> list[Campaign]:
        """Those of the campaigns ``names`` of whose controls nothing is on its way to the store."""
        unstored = self.unstored()
        found = [self._gate.campaign(name) for name in names if name not in unstored]
        return [each for each in found if each is not None]

    def forget(self, asked: Iterable[Campaign], day: int) -> None:
        """The store has no controls of these campaigns, which were ``stored_campaigns`` when it was asked.
        They are forgotten, with their costs before ``day``, except those that were changed, or stored again,
        meanwhile.
        """
        before = {each.name: each for each in asked}
        for each in self.stored_campaigns(before):
            if each is before[each.name]:
                self._gate.forget(each.name, day)

    def _keep(self, controls: Sequence[Control]) -> None:
        self._note(controls)
        self._commits.control(controls)

    def _note(self, controls: Iterable[Control]) -> None:
        if not self._learns:
            return
        for each in controls:
            if isinstance(each, CampaignChange):
                self._changes.setdefault(each.name, []).append(each)
            elif isinstance(each, (OptOut, OptIn)):
                self._numbers.add(each.number)


def _kept(changed: Changed) -> list[Control]:
    return [*(Hold(message.message_id, message.not_before_ns) for message in changed.holds), *changed.spent]
