"""A store on a simulated disk, exact in its transactions.

``tests/contract/test_store_contract.py`` tests it as it tests the real ones.

What a commit kept stays when the process dies, what it did not keep is gone. ``Disk`` survives the process.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from loadtests.storm.campaign_reports import row_of, written
from loadtests.storm.disk import Disk
from loadtests.storm.stored_rules import StoredRules
from reference_sender.dispatch.values import (
    FINAL_STATES,
    Change,
    EndedMessage,
    Lane,
    Message,
    Recovered,
    Report,
    State,
    SubmitAttempt,
    is_hedge,
)
from reference_sender.policy.campaigns import CampaignChange, CampaignState, KnownCampaign, changed_campaign
from reference_sender.policy.opt_out import OptOut
from reference_sender.policy.quiet_hours import FOREVER
from reference_sender.policy.spending import Spent
from reference_sender.store.campaign_reports import CampaignProgress, CampaignRow, StoredReport
from reference_sender.store.message_rows import unique_of
from reference_sender.store.protocol import (
    CampaignEnd,
    Control,
    DeadLetterFilter,
    Existing,
    Hold,
    Identity,
    OptIn,
    Place,
    Purged,
    Record,
    StoreError,
    Work,
)
from reference_sender.store.recovered import ended, recovered
from reference_sender.store.unstored_costs import kept_controls

_LARGEST_ID = 2**63 - 1
_LANES = tuple(Lane)
_READ_LATER = FINAL_STATES | {State.SENT}


class _StoredRows(Struct):
    """What one commit adds, checked before any of it is kept."""

    messages: dict[int, Message]
    ids: dict[str | int, int]
    taken: dict[int, Existing]


class ModelStore(StoredRules):
    """A ``Store`` on ``disk``."""

    leases: None = None

    def __init__(self, disk: Disk) -> None:
        """Raises ``StoreError``."""
        if disk.opened:
            raise StoreError("the disk is in use by another sender")
        self.disk = disk
        if disk.attempts:
            self._require_room()
            self._bind_attempts()
        disk.opened = True

    def identity(self) -> Identity:
        return Identity("storm", "secret", max(self.disk.messages, default=0))

    def commit(self, work: Work) -> Mapping[int, Existing]:
        disk = self.disk
        self._require_room()
        removed = [disk.messages[number] for number in work.refused if number in disk.messages]
        for message in removed:
            self._remove(message)
        try:
            rows = self._rows(work)
        except StoreError:
            self._keep(removed)
            raise
        self._keep(rows.messages.values())
        for change in work.changes:
            if change.message_id in disk.messages:
                disk.progress[change.message_id] = change
        for attempt in work.attempts:
            disk.attempts[attempt.attempt_id] = attempt
        for attempt_id in work.ended:
            disk.attempts.pop(attempt_id, None)
        for control in kept_controls(work, rows.taken):
            self._control(control)
        return rows.taken

    def probe(self) -> None:
        self._require_room()

    def unfinished(
        self, limit: int | None = None, place: Place | None = None, lane: Lane = Lane.MARKETING
    ) -> list[Recovered]:
        disk = self.disk
        numbers = [] if place else sorted(disk.progress.keys() & disk.messages.keys())
        tried = [record for each in numbers if (record := self._record(each)).state not in _READ_LATER]
        untried = [message for number, message in disk.messages.items() if number not in disk.progress]
        untried.sort(key=_urgency)
        if place is not None:
            after = _LANES.index(place.lane), place.after_id
            untried = [m for m in untried if _urgency(m) > after and m.message_id <= place.last_id]
        return [recovered(each) for each in (*tried, *(self._record(m.message_id) for m in untried[:limit]))]

    def sent_ids(self) -> Sequence[int]:
        disk = self.disk
        sent = [disk.progress[each] for each in disk.progress.keys() & disk.messages.keys()]
        sent = [each for each in sent if each.state is State.SENT]
        return [each.message_id for each in sorted(sent, key=lambda each: (each.at_ns, each.message_id))]

    def sent(self, ids: Sequence[int]) -> list[Recovered]:
        return [recovered(each) for number in ids if (each := self._record(number)).state is State.SENT]

    def ended(self, reports: Sequence[Report]) -> list[EndedMessage]:
        disk = self.disk
        dead = (State.FAILED, State.EXPIRED)  # an index of the stores has their provider ids
        progress = [(number, each) for number, each in sorted(disk.progress.items()) if each.state in dead]
        by_provider_id = {each.provider_id: number for number, each in progress}
        found: list[EndedMessage] = []
        for report in reports:
            by_key, by_id = disk.ids.get, by_provider_id.get
            number = by_id(report.provider_id) if report.key is None else by_key(report.key)
            if number is not None and (each := ended(self._record(number))) is not None:
                found.append(each)
        return found

    def taken_ids(self, provider_ids: Sequence[str], message: Message) -> frozenset[str] | None:
        return frozenset(provider_ids) & {each.provider_id for each in self.disk.progress.values()}

    def records(self, after_id: int, limit: int) -> list[Record]:
        found = sorted(number for number in self.disk.messages if number > after_id)
        return [self._record(number) for number in found[:limit]]

    def with_keys(self, keys: Sequence[str]) -> list[Record]:
        ids = self.disk.ids
        return [self._record(ids[key]) for key in keys if key in ids]

    def counts(self, campaign: str | None) -> dict[State, int]:
        counts: dict[State, int] = {}
        for number, message in self.disk.messages.items():
            of_campaign = campaign and message.campaign == campaign and not is_hedge(message.key)
            if campaign is None or of_campaign:
                state = self._state(number)
                counts[state] = counts.get(state, 0) + 1
        return counts

    def campaign_ends(self, campaign: str, last_id: int) -> list[CampaignEnd]:
        groups: dict[tuple[State, str | None, bool], tuple[int, int]] = {}
        for record in self.records(0, len(self.disk.messages)):
            message = record.message
            of_campaign = campaign and message.campaign == campaign and message.message_id <= last_id
            if of_campaign and record.state in FINAL_STATES:
                kind = record.state, record.route, record.provider_id is not None
                messages, segments = groups.get(kind, (0, 0))
                groups[kind] = messages + (not is_hedge(message.key)), segments + record.message.segments
        return [CampaignEnd(*kind, *sums) for kind, sums in groups.items()]

    def dead_letters(self, wanted: DeadLetterFilter, after_id: int, limit: int) -> list[Record]:
        found = [
            record
            for record in self.records(after_id, len(self.disk.messages))
            if record.state in (State.FAILED, State.EXPIRED)
            and not is_hedge(record.message.key)
            and wanted.campaign in (None, record.message.campaign)
            and wanted.reason in (None, record.reason)
            and wanted.lane in (None, record.message.lane)
            and wanted.route in (None, record.route)
            and (wanted.since_ns is None or record.changed_ns >= wanted.since_ns)
            and (wanted.until_ns is None or record.changed_ns < wanted.until_ns)
        ]
        return found[:limit]

    def count_dead_letters(self, wanted: DeadLetterFilter) -> dict[str, int]:
        return dict(
            Counter(record.reason for record in self.dead_letters(wanted, 0, len(self.disk.messages)))
        )

    def purge(self, before_ns: int, after_id: int, limit: int) -> Purged:
        self._require_room()
        highest = max(self.disk.messages, default=0)
        page = [record for record in self.records(after_id, limit) if record.message.message_id < highest]
        gone = [
            record
            for record in page
            if record.message.created_ns < before_ns
            and record.state in FINAL_STATES
            and record.changed_ns < before_ns
        ]
        for record in gone:
            self._remove(self.disk.messages[record.message.message_id])
            del self.disk.progress[record.message.message_id]
        last_id = None if len(page) < limit else page[-1].message.message_id
        is_young = bool(page) and all(record.message.created_ns >= before_ns for record in page)
        return Purged(len(gone), last_id, is_young)

    def over_limits(self, at_ns: int) -> dict[str, int]:
        names: list[str] = []
        for number, message in self.disk.messages.items():
            campaign = self.disk.campaigns.get(message.campaign)
            is_cancelled = campaign is not None and campaign.state is CampaignState.CANCELLED
            waits = message.not_before_ns >= FOREVER and self._state(number) is State.QUEUED
            if waits and message.expires_ns > at_ns and not is_cancelled:
                names.append(message.campaign)
        return dict(Counter(names))

    def reports_waiting(self) -> list[StoredReport]:
        return [each for _, each in sorted(self.disk.reports.items()) if each.due or each.to_mail]

    def campaign_report(self, campaign: str) -> StoredReport | None:
        return self.disk.reports.get(campaign)

    def campaign_progress(self, campaign: str, after_id: int, limit: int) -> CampaignProgress:
        rows = self.campaign_rows(campaign, after_id, limit)
        open_ids = (row.message_id for row in rows if row.state not in FINAL_STATES)
        last_id = rows[-1].message_id if rows else 0
        changed_ns = max((row.changed_ns for row in rows), default=0)
        return CampaignProgress(len(rows), last_id, next(open_ids, None), changed_ns)

    def campaign_rows(self, campaign: str, after_id: int, limit: int) -> list[CampaignRow]:
        messages = self.disk.messages
        found = sorted(number for number in messages if number > after_id)
        return [row_of(self._record(n)) for n in found if messages[n].campaign == campaign != ""][:limit]

    def close(self) -> None:
        self.disk.opened = False

    def _control(self, control: Control) -> None:
        disk = self.disk
        if isinstance(control, Spent):
            disk.spent[control.campaign, control.day] = control.amount
        elif isinstance(control, Hold):
            held = disk.messages.get(control.message_id)
            if held is not None and (held.not_before_ns or held.keeps_hours):
                disk.messages[control.message_id] = replace(held, not_before_ns=control.not_before_ns)
        elif isinstance(control, CampaignChange):
            disk.campaigns[control.name] = changed_campaign(disk.campaigns.get(control.name), control)
            disk.changed_ns[control.name] = max(disk.changed_ns.get(control.name, 0), control.at_ns)
        elif isinstance(control, KnownCampaign):
            known = control.campaign
            if known.name not in disk.campaigns:
                disk.campaigns[known.name] = known
                disk.changed_ns[known.name] = control.at_ns
                for each in control.spent:
                    disk.spent[each.campaign, each.day] = each.amount
                    disk.removed.pop((each.campaign, each.day), None)
        elif isinstance(control, OptOut):
            disk.opt_outs[control.number] = control
        elif isinstance(control, OptIn):
            disk.opt_outs.pop(control.number, None)
        else:
            written(disk.reports, control)

    def _keep(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self.disk.messages[message.message_id] = message
            self.disk.ids.update(dict.fromkeys(unique_of(message), message.message_id))

    def _remove(self, message: Message) -> None:
        del self.disk.messages[message.message_id]
        for each in unique_of(message):
            del self.disk.ids[each]

    def _require_room(self) -> None:
        if self.disk.full:
            raise StoreError("database or disk is full")

    def _rows(self, work: Work) -> _StoredRows:
        """Raises ``StoreError`` where a row cannot be written."""
        disk = self.disk
        rows = _StoredRows({}, {}, {})
        for message in work.messages:
            number = message.message_id
            holders = [rows.ids.get(each) or disk.ids.get(each) for each in unique_of(message)]
            holder = holders[0] or holders[-1]
            if holder is not None:
                if holder != number:
                    kept = rows.messages.get(holder) or disk.messages[holder]
                    rows.taken[number] = self._existing(kept, is_duplicate=holders[0] is None)
                continue
            if number > _LARGEST_ID:
                raise StoreError("Python int too large to convert to SQLite INTEGER")
            if not message.text.isascii():
                _require_writable(message.text)
            if number in disk.messages or number in rows.messages:
                raise StoreError("UNIQUE constraint failed: message.id")
            rows.messages[number] = message
            rows.ids.update(dict.fromkeys(unique_of(message), number))
        return rows

    def _existing(self, holder: Message, is_duplicate: bool) -> Existing:
        number = holder.message_id
        return Existing(number, holder.to, holder.text, holder.lane, self._state(number), is_duplicate)

    def _state(self, number: int) -> State:
        change = self.disk.progress.get(number)
        return State.QUEUED if change is None else change.state

    def _record(self, number: int) -> Record:
        message = replace(self.disk.messages[number], once=False)
        change = self.disk.progress.get(number)
        if change is None:
            return Record(message, State.QUEUED, "", None, 0, message.created_ns)
        return Record(
            message=message,
            state=change.state,
            reason=change.reason,
            provider_id=change.provider_id,
            attempts=change.attempts,
            changed_ns=change.at_ns,
            route=change.route,
            tried_ns=change.tried_ns,
        )

    def _bind_attempts(self) -> None:
        """Bind to their route the queued messages of attempts that were in flight when a process died."""
        disk = self.disk
        for _, attempt in sorted(disk.attempts.items()):
            for number in attempt.message_ids:
                if number in disk.messages:
                    self._bind(disk.messages[number], attempt)
        disk.attempts.clear()

    def _bind(self, message: Message, attempt: SubmitAttempt) -> None:
        progress = self.disk.progress
        number, at_ns = message.message_id, attempt.at_ns
        before = progress.get(number)
        if before is None:
            progress[number] = Change(
                message_id=number,
                key=message.key,
                state=State.QUEUED,
                reason="unanswered",
                provider_id=None,
                attempts=1,
                at_ns=at_ns,
                route=attempt.route,
                tried_ns=at_ns,
            )
        elif before.state is State.QUEUED:
            progress[number] = replace(
                before,
                reason="unanswered",
                attempts=before.attempts + 1,
                at_ns=at_ns,
                route=attempt.route,
                tried_ns=at_ns if before.tried_ns is None else before.tried_ns,
            )


def _urgency(message: Message) -> tuple[int, int]:
    return _LANES.index(message.lane), message.message_id


def _require_writable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise StoreError(str(error)) from error
