"""The driver of virtual time: each deadline at its time, and what a receiver answers."""

from __future__ import annotations

import pytest
from nanoseconds import MS, S
from virtual import fixed, virtual_provider

from mock_provider.engine import Engine
from mock_provider.engine.values import Effect, Outbound, Reply, ReportsWanted, SendReports, Submit
from mock_provider.testing import VirtualDriver, plain_profile

SLOW = {"reply": {"latency": fixed(0.5)}, "delivery": {"latency": fixed(2.0)}}
SUBMIT = Submit(
    1, "smsapi", "t", "Test", (Outbound("48600100200", "", "hi", 1, "k"),), reports=ReportsWanted("http://x/")
)


def driven(late_ns: int = 0) -> tuple[VirtualDriver, list[tuple[int, Effect]]]:
    effects: list[tuple[int, Effect]] = []
    engine = Engine(plain_profile(**SLOW), 1)
    driver = VirtualDriver(engine, lambda at_ns, each: effects.append((at_ns, each)), late_ns=late_ns)
    return driver, effects


def test_each_effect_comes_at_its_deadline() -> None:
    driver, effects = driven()
    driver.submit(SUBMIT, 1 * S)
    driver.run()
    assert [(at_ns, type(each)) for at_ns, each in effects] == [
        (1_500 * MS, Reply),
        (3_500 * MS, SendReports),
    ]


def test_virtual_time_runs_up_to_an_instant_and_includes_it() -> None:
    driver, effects = driven()
    driver.submit(SUBMIT)
    driver.run_until(500 * MS - 1)
    assert (effects, driver.now_ns) == ([], 500 * MS - 1)
    driver.run_until(500 * MS)
    assert len(effects) == 1


def test_a_leap_has_the_effects_of_all_its_steps() -> None:
    (stepping, stepped), (leaping, leapt) = driven(), driven()
    for driver in (stepping, leaping):
        driver.submit(SUBMIT, 1 * S)
    stepping.run_until(2 * S)
    leaping.leap_until(2 * S)
    assert [at_ns for at_ns, _ in leapt] == [1_500 * MS] and leaping.now_ns == 2 * S
    stepping.run_until(9 * S)
    leaping.leap_until(9 * S)
    assert leapt == stepped and len(leapt) == 2


def test_a_late_driver_serves_every_deadline_late() -> None:
    driver, effects = driven(late_ns=7 * MS)
    driver.submit(SUBMIT)
    driver.run()
    assert effects[0][0] == 507 * MS


def test_a_receiver_that_does_not_answer_is_not_called_again_and_one_that_refuses_is() -> None:
    silent = virtual_provider(reports={"retry_after_s": [10]})
    silent.confirms = lambda call: None
    silent.send(0, "k")
    silent.run()
    assert len(silent.calls) == 1 and silent.row("k").t_confirmed_ns is None
    refusing = virtual_provider(reports={"retry_after_s": [10]})
    refusing.confirms = lambda call: call.attempt == 3
    refusing.send(0, "k")
    refusing.run()
    assert [at_ns for at_ns, _ in refusing.calls] == [0, 10 * S, 20 * S]
    assert refusing.row("k").t_confirmed_ns == 20 * S


def test_an_answer_of_the_other_kind_is_an_error() -> None:
    p = virtual_provider()
    taken, refused = p.send(0, "k"), p.send(0, "k", token="unknown")
    assert p.accepted(taken)[0].msisdn == "48600100200"
    assert p.refused(refused).reason.value == "unauthorized"
    with pytest.raises(AssertionError, match="was refused"):
        p.accepted(refused)
    with pytest.raises(AssertionError, match="was accepted"):
        p.refused(taken)
