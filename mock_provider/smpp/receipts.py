"""Sends delivery receipts to sessions and collects the results.

The receipts of a system_id are distributed in turn to its receiving sessions, up to their windows. Others
wait, also while no session is bound. A receipt whose session closed before it answered is queued again. The
engine gets one result for each batch: confirmed if all its receipts were answered with ESME_ROK; not
confirmed if one was refused, not answered, waited too long or exceeded the queue. The profile's schedule
repeats those.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from mock_provider.engine.values import DeliveryReport, SendProgress, SendReports
from mock_provider.protocols.smpp.effects import Answered
from mock_provider.protocols.smpp.receipts import ReceiptWriter


class Link(Protocol):
    """A session that receives."""

    @property
    def room(self) -> int:
        """How many more receipts can be sent to it now."""

    @property
    def knows_tlvs(self) -> bool:
        """Whether its peer understands optional parameters."""

    def deliver(self, tag: object, body: bytes) -> None:
        """Send a deliver_sm; ``ReceiptLinks.answered`` gets its answer with this tag."""


class _Batch(Struct, gc=False):
    batch_id: int
    left: int
    confirmed: bool = True


class _Receipt(Struct, frozen=True, gc=False):
    """``batch`` None: the answer is not used."""

    report: DeliveryReport
    batch: _Batch | None
    since_ns: int


class _Outlet:
    """The receiving sessions of one system_id, and the receipts that wait for them."""

    __slots__ = ("links", "queue")

    def __init__(self) -> None:
        self.links: deque[Link] = deque()
        self.queue: deque[_Receipt] = deque()


class ReceiptLinks:
    """``answered(batch_id, confirmed)`` is called once for each batch, by ``defer`` if it would come too
    early.
    """

    def __init__(
        self,
        answered: Callable[[int, bool], None],
        defer: Callable[[Callable[[], None]], object],
        now_ns: Callable[[], int],
    ) -> None:
        self._answered = answered
        self._defer = defer
        self._now_ns = now_ns
        self._outlets: dict[str, _Outlet] = {}

    def use(self, writer: ReceiptWriter, most_waiting: int) -> None:
        """Use this writer, and this limit of waiting receipts for each system_id, from now on."""
        self._writer = writer
        self._most_waiting = most_waiting

    @property
    def queued(self) -> int:
        return sum(len(outlet.queue) for outlet in self._outlets.values())

    def add(self, system_id: str, link: Link) -> None:
        """This session receives from now on. Waiting receipts are sent."""
        outlet = self._outlets.setdefault(system_id, _Outlet())
        outlet.links.append(link)
        self._send(outlet)

    def remove(self, system_id: str, link: Link) -> None:
        outlet = self._outlets.get(system_id)
        if outlet is not None and link in outlet.links:
            outlet.links.remove(link)
            if not outlet.links and not outlet.queue:
                del self._outlets[system_id]

    def deliver(self, effect: SendReports | SendProgress) -> None:
        """Send these to the sessions of the system_id that submitted their messages."""
        system_id = effect.address
        if isinstance(effect, SendProgress):
            self._queue(system_id, [effect.report], None)
        else:
            self._queue(system_id, effect.reports, _Batch(effect.batch_id, len(effect.reports)))

    def answered(self, answer: Answered) -> None:
        """A session has answered a receipt."""
        receipt = answer.tag
        assert isinstance(receipt, _Receipt)
        self._count(receipt.batch, answer.accepted)

    def take_back(self, system_id: str, tags: list[object]) -> None:
        """Queue the receipts again that a closed session had not answered, in their original order."""
        if not tags:
            return
        outlet = self._outlets.setdefault(system_id, _Outlet())
        for tag in reversed(tags):
            assert isinstance(tag, _Receipt)
            outlet.queue.appendleft(tag)
        self._send(outlet)

    def send_on(self, system_id: str) -> None:
        """A session has room again."""
        outlet = self._outlets.get(system_id)
        if outlet is not None and outlet.queue:
            self._send(outlet)

    def expire(self, before_ns: int) -> None:
        """Give up receipts that have waited for a session since before this instant."""
        for system_id, outlet in list(self._outlets.items()):
            queue = outlet.queue
            while queue and queue[0].since_ns < before_ns:
                self._count(queue.popleft().batch, False)
            if not outlet.links and not queue:
                self._outlets.pop(system_id, None)

    def drop_queued(self) -> None:
        """Drop waiting receipts without a result."""
        for outlet in self._outlets.values():
            outlet.queue.clear()

    def _queue(self, system_id: str, reports: Sequence[DeliveryReport], batch: _Batch | None) -> None:
        outlet = self._outlets.get(system_id)
        if outlet is None:
            outlet = self._outlets[system_id] = _Outlet()
        if len(outlet.queue) + len(reports) > self._most_waiting:
            if batch is not None:
                batch_id = batch.batch_id
                self._defer(lambda: self._answered(batch_id, False))
            return
        now_ns = self._now_ns()
        outlet.queue.extend([_Receipt(report, batch, now_ns) for report in reports])
        self._send(outlet)

    def _send(self, outlet: _Outlet) -> None:
        queue, links = outlet.queue, outlet.links
        write = self._writer.write
        for _ in range(len(links)):
            link = links[0]
            room, with_tlvs = link.room, link.knows_tlvs
            links.rotate(-1)
            while room > 0 and queue:
                receipt = queue.popleft()
                link.deliver(receipt, write(receipt.report, with_tlvs))
                room -= 1
            if not queue:
                return

    def _count(self, batch: _Batch | None, confirmed: bool) -> None:
        if batch is None:
            return
        batch.left -= 1
        if not confirmed:
            batch.confirmed = False
        if not batch.left:
            self._answered(batch.batch_id, batch.confirmed)
