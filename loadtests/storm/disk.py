"""The content of a store in a storm."""

from __future__ import annotations

from reference_sender.dispatch.values import Change, Message, SubmitAttempt
from reference_sender.policy.campaigns import Campaign
from reference_sender.policy.opt_out import OptOut
from reference_sender.store.campaign_reports import StoredReport


class Disk:
    """The content of a store. ``full``: nothing can be written. ``opened``: a process uses it."""

    def __init__(self) -> None:
        self.messages: dict[int, Message] = {}
        self.ids: dict[str | int, int] = {}  # by key and, of messages that are stored once, by pair
        self.progress: dict[int, Change] = {}
        self.attempts: dict[int, SubmitAttempt] = {}
        self.campaigns: dict[str, Campaign] = {}
        self.changed_ns: dict[str, int] = {}  # when a campaign was changed
        self.spent: dict[tuple[str, int], int] = {}
        self.removed: dict[tuple[str, int], int] = {}  # costs, by a purge, and not stored again
        self.opt_outs: dict[str, OptOut] = {}
        self.reports: dict[str, StoredReport] = {}
        self.full = False
        self.opened = False
