"""Whether the store and the process that runs have the same controls of campaigns, also during a purge."""

from __future__ import annotations

from collections.abc import Iterator

from loadtests.storm import features
from loadtests.storm.purge import RemovedRules
from loadtests.storm.state import StormState
from reference_sender.dispatch.values import FINAL_STATES
from reference_sender.node.node import Node
from reference_sender.policy.campaigns import KnownCampaign
from reference_sender.store.protocol import Work


class ControlsWatch:
    """``removed``: rows, in all."""

    def __init__(self, state: StormState) -> None:
        self._state = state
        self.removed = 0

    def purged(self, gone: RemovedRules) -> None:
        """A step of a purge removed controls and costs from the store."""
        for name in gone.campaigns:
            self._state.occurred(features.CONTROLS_PURGE)
            self._state.note(f"purged: the controls of {name}")
        for spent in gone.costs:
            self._state.occurred(features.COSTS_PURGE)
            self._state.note(f"purged: {spent.amount} of campaign {spent.campaign or 'none'}")
        self.removed += len(gone.campaigns) + len(gone.costs)

    def committing(self, work: Work) -> None:
        """A commit begins."""
        known = self._state.disk.campaigns
        for each in work.controls:
            if isinstance(each, KnownCampaign) and each.campaign.name not in known:
                self._state.occurred(features.CONTROLS_AGAIN)
                self._state.note(f"the controls of {each.campaign.name} are stored again")

    def differences(self, node: Node) -> Iterator[str]:
        """Controls that only the store has, or only the process, although a message needs them."""
        stored, coming = self._state.disk.campaigns, node.rules.unstored()
        for name in sorted({*stored, *node.gate.campaigns} - coming):
            here, there = node.gate.campaign(name), stored.get(name)
            if there is None and self._is_open(name):
                yield f"the store has no controls of {name}, and the process applies {here} to its messages"
            elif there is not None and here != there:
                yield f"the store has {there}, and the process applies {here}"

    def _is_open(self, campaign: str) -> bool:
        disk = self._state.disk
        ended = {number for number, change in disk.progress.items() if change.state in FINAL_STATES}
        return any(each.campaign == campaign for number, each in disk.messages.items() if number not in ended)
