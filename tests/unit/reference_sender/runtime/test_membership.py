"""A node renews its lease whatever it waits for: commits need the lease."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest
from messages import made_message
from waiting import eventually_in_loop

from reference_sender.dispatch.values import Lane, Recovered, Report, State
from reference_sender.node.node_share import ClaimLimit, NodeShare
from reference_sender.policy.gate import open_gate
from reference_sender.policy.recipients import NumberCount, RecipientLimits
from reference_sender.runtime.background import BackgroundTasks
from reference_sender.runtime.driver import Driver
from reference_sender.runtime.membership import NodeMembership
from reference_sender.store import HandedOver, LeaseLost, Leases, Renewal, RuleChanges, Store, StoreError

LEASE_S = 0.05
TEN_LEASES_S = 10 * LEASE_S
ENDING = Recovered(made_message(1, lane=Lane.OTP, sender_id="", expires_ns=1), State.QUEUED, 0, None, None)
REPORT = HandedOver(1, Report("p-1", "k-1", State.DELIVERED, ""))


class NoCommits:
    """The part of a driver that a member calls, with a store that keeps nothing."""

    def __init__(self) -> None:
        self.background = BackgroundTasks()
        self.gate = open_gate()
        self.handed = self.given_back = 0
        self.wanted: ClaimLimit | None = None
        self.recovered: list[Recovered] = []
        self.kept = asyncio.Event()

    def join(self, node_share: NodeShare) -> None: ...

    def learning(self) -> None: ...

    def learned(self, changes: RuleChanges) -> None: ...

    def renewed(self, until_ns: int, renewal: Renewal) -> None: ...

    def wants(self) -> ClaimLimit | None:
        return self.wanted

    def give_back(self) -> None:
        self.given_back += 1

    def recover(self, recovered: Sequence[Recovered]) -> None:
        self.recovered += recovered

    def handed_over(self, reports: Sequence[HandedOver]) -> None:
        self.handed += 1

    def all_stored(self) -> asyncio.Future[None]:
        return cast("asyncio.Future[None]", asyncio.ensure_future(self.kept.wait()))


class FailingLeases:
    """Renewals of a lease: the second fails, from the ``lost_at``-th on the lease is lost."""

    lease_s = LEASE_S

    def __init__(self, lost_at: int = 1_000_000) -> None:
        self.renewals = 0
        self.asked: list[ClaimLimit] = []  # claims
        self._lost_at = lost_at

    def renew(self, share: int) -> Renewal:
        self.renewals += 1
        if self.renewals >= self._lost_at:
            raise LeaseLost("taken over")
        if self.renewals == 2:
            raise StoreError("no connection")
        return Renewal(1, 1_000_000, 0)

    def rule_changes(self, since: float) -> RuleChanges:
        return RuleChanges(0.0, False)

    def share(self, counted: Sequence[NumberCount]) -> None: ...

    def unfinished(self, limit: int, lane: Lane) -> list[Recovered]:
        self.asked.append(ClaimLimit(limit, lane))
        return [ENDING]

    def reports(self, limit: int) -> list[HandedOver]:
        return [REPORT]


def member(driver: NoCommits, leases: FailingLeases) -> NodeMembership:
    limits = RecipientLimits(None, None, shared=True)
    made = cast(Leases, leases)
    return NodeMembership(cast(Store, leases), made, cast(Driver, driver), NodeShare(100), limits)


def test_a_node_that_waits_for_a_commit_notices_that_its_lease_is_lost() -> None:
    async def run() -> None:
        driver = NoCommits()
        made = member(driver, FailingLeases(lost_at=4))
        await made.start()
        async with asyncio.timeout(30):
            await driver.background.failed.wait()
        assert driver.background.reason == (
            "the sender's lease failed: it was not renewed in time, and another node took the work over"
        )
        await made.stop()

    asyncio.run(run())


def test_reports_are_read_again_only_when_the_earlier_ones_are_stored() -> None:
    async def run() -> None:
        driver, leases = NoCommits(), FailingLeases()
        made = member(driver, leases)
        await made.start()
        await eventually_in_loop(lambda: leases.renewals >= 6)
        assert driver.handed == 1
        driver.kept.set()
        await eventually_in_loop(lambda: driver.handed >= 2)
        await made.stop()

    asyncio.run(run())


def test_a_node_without_room_still_claims_what_has_expired_or_has_a_report() -> None:
    async def run() -> None:
        driver, leases = NoCommits(), FailingLeases()
        driver.wanted = ClaimLimit(0, Lane.OTP)
        made = member(driver, leases)
        await made.start()
        await eventually_in_loop(lambda: driver.recovered)
        assert leases.asked[0] == ClaimLimit(0, Lane.OTP)
        assert driver.recovered[0] == ENDING
        await made.stop()

    asyncio.run(run())


def test_a_node_without_a_lease_claims_nothing() -> None:
    async def run() -> None:
        driver, leases = NoCommits(), FailingLeases()
        made = member(driver, leases)
        await made.start()
        await eventually_in_loop(lambda: leases.renewals >= 4)
        assert leases.asked == []
        await made.stop()

    asyncio.run(run())


def test_a_node_that_leaves_renews_its_lease_until_it_stops_and_claims_nothing() -> None:
    async def run() -> None:
        driver, leases = NoCommits(), FailingLeases()
        driver.wanted = ClaimLimit(1)
        made = member(driver, leases)
        await made.start()
        await made.leave()
        asked, handed, renewals = len(leases.asked), driver.handed, leases.renewals
        driver.given_back = 0
        await eventually_in_loop(lambda: leases.renewals >= renewals + 3 and driver.given_back)
        await made.stop()
        renewals = leases.renewals
        await asyncio.sleep(TEN_LEASES_S)  # in which none is renewed
        assert (len(leases.asked), driver.handed, leases.renewals) == (asked, handed, renewals)

    asyncio.run(run())


def test_a_node_whose_lease_was_lost_leaves_without_another_renewal() -> None:
    async def run() -> None:
        driver, leases = NoCommits(), FailingLeases(lost_at=2)
        made = member(driver, leases)
        await made.start()
        async with asyncio.timeout(30):
            await driver.background.failed.wait()
        await made.leave()
        await asyncio.sleep(TEN_LEASES_S)  # in which none is renewed
        assert leases.renewals == 2
        await made.stop()

    asyncio.run(run())


def test_an_outage_has_one_line_a_minute_and_one_at_its_end(caplog: pytest.LogCaptureFixture) -> None:
    class LeasesInOutage(FailingLeases):
        polls = 0

        def reports(self, limit: int) -> list[HandedOver]:
            self.polls += 1
            if self.polls < 6:
                raise StoreError("no connection")
            return []

    async def run() -> None:
        one = member(NoCommits(), leases := LeasesInOutage())
        await one.start()
        await eventually_in_loop(lambda: leases.polls >= 8)
        await one.stop()

    asyncio.run(run())
    first, last = [record.getMessage() for record in caplog.records]
    assert first == "the lease, work or reports cannot be read: no connection"
    assert last.startswith("the shared store works again after ")


def test_a_node_on_standby_says_why_it_sends_nothing_once_and_when_that_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class LeasesOnStandby(FailingLeases):
        def renew(self, share: int) -> Renewal:
            self.renewals += 1
            return Renewal(3, 0, 0, standby=1 if 1 < self.renewals < 4 else None)

    async def run() -> None:
        one = member(NoCommits(), leases := LeasesOnStandby())
        await one.start()
        await eventually_in_loop(lambda: leases.renewals >= 6)
        await one.stop()

    asyncio.run(run())
    first, last = [record.getMessage() for record in caplog.records]
    assert first.startswith(
        "this node is on standby and sends nothing: the limits of --route are enough for 1 of 3 "
    )
    assert last.startswith("this node is no longer on standby")
