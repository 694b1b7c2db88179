"""A single send that is accepted without the general way: the same effects, rows and states as with it."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from nanoseconds import S

from mock_provider.engine import Engine
from mock_provider.engine.submission import SubmitHandler
from mock_provider.engine.values import (
    MessageClass,
    Outbound,
    Reply,
    ReportsWanted,
    SendReports,
    Submit,
    SubmitOptions,
    UnparsableNumber,
)
from mock_provider.profiles import parse_profile

SEEDS, STEPS = 6, 250
LATENCY = {"kind": "lognormal", "median_s": 0.3, "p99_s": 5.0}
FAULTS = [
    {"kind": "error_rate", "share": 0.3, "start_s": 20, "end_s": 60},
    {"kind": "outage", "answer": "refuse", "start_s": 80, "end_s": 90},
]
CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "delays": {"reply": {"latency": LATENCY}, "delivery": {"latency": LATENCY}},
    "request rate": {"throttle": {"requests": {"rate_per_s": 1, "burst": 3}}},
    "segment rate": {"throttle": {"segments": {"rate_per_s": 2, "burst": 6}}},
    "requests unanswered": {"throttle": {"concurrent_requests": 2}, "reply": {"latency": LATENCY}},
    "flood": {"flood": {"limit": 2, "window_s": 30}},
    "flood leaves out": {"flood": {"limit": 1, "window_s": 30, "on_violation": "skip_message"}},
    "credit": {"account": {"tokens": ["t"], "balance_points": 40.0, "price_per_segment": 0.5}},
    "no price": {"account": {"tokens": ["t"], "balance_points": 1.0}},
    "daily cap": {"account": {"tokens": ["t"], "daily_messages": 30}},
    "sender names": {"account": {"tokens": ["t"], "sender_names": ["A"]}},
    "suspended": {"account": {"tokens": ["t"], "suspended": True}},
    "tier": {
        "account": {"tokens": ["t"], "tier": "priority"},
        "accept_queue": {"drain_segments_per_s": 1},
        "traffic": {"marketing_senders": ["B"]},
    },
    "account's report URL": {"account": {"tokens": ["t"], "report_url": "http://127.0.0.1/of-account"}},
    "queue": {"accept_queue": {"drain_segments_per_s": 1, "capacity_segments": 4}},
    "sender's queue": {
        "throttle": {"per_sender": {"alphanumeric": {"segments_per_s": 1, "queue_segments": 3}}}
    },
    "errors": {
        "reply": {
            "errors": [
                {"refusal": "internal_error", "share": 0.2},
                {"refusal": "no_credit", "share": 0.2},
            ]
        }
    },
    "numbers": {"numbers": {"invalid_share": 0.3, "validity": "strict"}},
    "magic numbers": {"numbers": {"magic": True}},
    "rules": {
        "rules": [
            {"country": "PL", "max_segments": 2, "price_per_segment": 0.2},
            {"country": "DE", "sender": "numeric"},
        ],
        "account": {"tokens": ["t"], "balance_points": 100.0, "price_per_segment": 0.1},
    },
    "price of a carrier": {
        "carriers": [{"name": "a", "country": "*", "price_per_segment": 0.3}],
        "account": {"tokens": ["t"], "balance_points": 20.0, "price_per_segment": 0.1},
    },
    "few keys": {"duplicates": {"remembered_keys": 5, "window_s": 20}},
    "faults": {"faults": FAULTS},
}
NUMBERS = ("48600100200", "48600100201", "48500100200", "4915112345678", "12025550123", "999")
TEXTS = ("hi", "zażółć gęślą", "one ą only", "`", "{} €")
REPORTS = (
    ReportsWanted("http://127.0.0.1/dlr"),
    ReportsWanted(),
    ReportsWanted("http://127.0.0.1/dlr", progress=True, stages=True),
)


class ProviderScript:
    """Random inputs. They depend on the seed and on the effects so far, and on nothing else."""

    def __init__(self, case: str, seed: int) -> None:
        sections = {
            "name": "p",
            "account": {"tokens": ["t"]},
            "carriers": [{"name": "a", "country": "*"}, {"name": "b", "country": "*", "share": 2.0}],
        }
        self.profile = parse_profile(sections | CASES[case])
        self.random = Random(f"{case} {seed}")
        self.engine = Engine(self.profile, seed)
        self.now_ns = 100 * S
        self.requests = 0
        self.ids: list[str] = []
        self.calls: list[int] = []
        self.trace: list[object] = []

    def run(self) -> list[object]:
        """What came out, and the state after each input."""
        draw = self.random
        kept_from = draw.randrange(4 * STEPS)  # mostly not at all
        for step in range(STEPS):
            self.now_ns += draw.choice([0, 0, 1, S // 100, S // 3, 2 * S])
            if step == kept_from:
                self.engine.keep_changes()
            draw.choice([self.submit, self.submit, self.submit, self.report, self.advance, self.other])()
            state, account = self.engine.state(), self.engine.spending()
            self.trace.append((self.now_ns, state, account, self.engine.kept(), self.engine.next_due()))
        self.trace.append(self.engine.snapshot())
        self.trace.append(self.engine.close_rows())
        return self.trace

    def submit(self) -> None:
        draw = self.random
        self.requests += 1
        count = draw.choice([1] * 9 + [2, 3])
        outbounds = tuple(self.outbound() for _ in range(count))
        options = SubmitOptions(
            priority=draw.random() < 0.3,
            refuse_duplicates=draw.random() < 0.6,
            validate_only=draw.random() < 0.05,
            message_class=draw.choice([MessageClass.UNSPECIFIED, MessageClass.MARKETING]),
            expires_in_queue=draw.random() < 0.1,
            overflow_fails=draw.random() < 0.1,
            id_style=draw.choice([None, None, "hex", "uuid"]),
        )
        rare = draw.random()
        submit = Submit(
            self.requests,
            draw.choice(["smsapi", "generic"]),
            "t" if draw.random() < 0.95 else "wrong",
            draw.choice("AAB"),
            outbounds,
            (UnparsableNumber("12", "odd"),) if rare < 0.04 else (),
            options,
            draw.choice(REPORTS),
            self.now_ns + draw.choice([-S, 3 * S]) if 0.04 < rare < 0.1 else None,
            self.now_ns + draw.choice([S // 2, 100 * S]) if draw.random() < 0.3 else None,
            draw.choice(["", "memo"]),
            blocked=frozenset([outbounds[0].msisdn]) if 0.1 < rare < 0.13 else frozenset(),
            replaces=draw.choice(self.ids) if self.ids and 0.13 < rare < 0.16 else "",
        )
        self.took(self.engine.submit(self.now_ns, submit))

    def outbound(self) -> Outbound:
        draw = self.random
        number = draw.choice(NUMBERS)
        key = draw.choice(["", f"k{draw.randrange(20)}"]) if draw.random() < 0.2 else f"n{draw.random()}"
        reference = key if draw.random() < 0.7 and key else None
        return Outbound(number, f"+{number}", draw.choice(TEXTS), draw.choice([1, 1, 2, 3]), key, reference)

    def report(self) -> None:
        if self.calls:
            call = self.calls.pop(self.random.randrange(len(self.calls)))
            self.took(self.engine.reports_answered(self.now_ns, call, self.random.random() < 0.8))

    def advance(self) -> None:
        self.took(self.engine.advance(self.now_ns))

    def other(self) -> None:
        draw = self.random
        kind = draw.randrange(6)
        if kind == 0:
            self.took(self.engine.reconfigure(self.now_ns, self.profile))
        elif kind == 1 and draw.random() < 0.1:
            self.took(self.engine.reset(self.now_ns))
            self.calls.clear()
        elif kind == 2:
            self.took(self.engine.set_wall_offset(self.now_ns, draw.choice([0, S, 5 * S])))
        elif kind == 3 and self.ids:
            self.trace.append(self.engine.cancel(self.now_ns, "t", [draw.choice(self.ids)]))
        else:
            self.trace.append(self.engine.take_rows())

    def took(self, effects: Any) -> None:
        self.trace.append(list(effects))
        for effect in effects:
            if isinstance(effect, SendReports):
                self.calls.append(effect.batch_id)
            elif isinstance(effect, Reply):
                self.ids += [each.provider_id for each in getattr(effect.answer, "messages", ())]


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("case", CASES)
def test_the_general_way_gives_the_same(case: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    single = ProviderScript(case, seed).run()
    monkeypatch.setattr(SubmitHandler, "accept_one", lambda *_: False)
    general = ProviderScript(case, seed).run()
    for number, (one, other) in enumerate(zip(single, general, strict=True)):
        assert one == other, f"entry {number}"


def test_single_sends_are_accepted_on_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the test above compares nothing."""
    accept_one = SubmitHandler.accept_one
    taken = {case: {True: 0, False: 0} for case in CASES}
    for case, counts in taken.items():

        def counted(*arguments: Any, counts: dict[bool, int] = counts) -> bool:
            found = accept_one(*arguments)
            counts[found] += 1
            return found

        monkeypatch.setattr(SubmitHandler, "accept_one", counted)
        for seed in range(SEEDS):
            ProviderScript(case, seed).run()
    never = {"suspended", "daily cap", "sender's queue", "magic numbers", "rules", "price of a carrier"}
    assert all(counts[False] > 100 for counts in taken.values()), taken
    assert {case for case, counts in taken.items() if not counts[True]} == never, taken
    assert taken["plain"][True] > 200 and taken["faults"][True] > 100, taken
