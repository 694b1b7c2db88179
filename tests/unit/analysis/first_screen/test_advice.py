"""Each kind of bottleneck, and each sign of one, has its advice."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from made_reports import bottleneck, hint, part, report, throughput

from analysis.findings import SINGLE, BottleneckKind, BottleneckSign
from analysis.first_screen.advice import ADVICE, BY_SIGN, what_to_change
from analysis.first_screen.quoting import Quote
from analysis.first_screen.values import as_text

# The checks of the bench have the advice on it, and nothing is known of the last one.
WITHOUT_ADVICE = {"generator", "mock", "unknown"}
SINGLE_MESSAGES = {"hints": (hint(name=SINGLE),)}
# Signs that decide with other facts: kind, other signs, and fields of the part.
WITH_OTHER_FACTS: dict[BottleneckSign, tuple[BottleneckKind, tuple[BottleneckSign, ...], dict[str, Any]]] = {
    "refused_permanently": ("sender_gave_up", (), {}),
    "accepted_before": ("sender_gave_up", ("refused_permanently",), {"refusal": "unauthorized"}),
    "most_refused": ("provider_limit", (), {}),
    "contract_obeyed": ("provider_limit", (), {"p95_s": {"otp": 30.0}, "sustained": True}),
    "refused_for_limits": ("sender_gave_up", (), {"throughput": throughput(above_contract=True)}),
    "other_programs": ("machine", (), {}),
    "busy_bench": ("machine", (), {}),
    "limit_of_requests": ("provider_limit", (), SINGLE_MESSAGES),
    "limit_of_segments": ("provider_limit", ("limit_of_requests",), SINGLE_MESSAGES),
    "limit_of_accept_queue": ("provider_limit", ("limit_of_requests",), SINGLE_MESSAGES),
    "limit_of_concurrency": ("provider_limit", ("limit_of_requests",), SINGLE_MESSAGES),
}


def advice(kind: BottleneckKind, *signs: BottleneckSign, refusal: str = "", **more: Any) -> str:
    found = bottleneck(kind=kind, text="the queue of Plus", subject="Plus", signs=signs, refusal=refusal)
    return as_text(what_to_change(Quote(report(part(bottlenecks=(found,), **more))), 0, 0))


def test_each_kind_has_an_entry() -> None:
    assert set(ADVICE) == set(get_args(BottleneckKind))


@pytest.mark.parametrize("kind", sorted(set(get_args(BottleneckKind)) - WITHOUT_ADVICE - {"provider_fault"}))
def test_each_kind_has_advice(kind: BottleneckKind) -> None:
    """That on a fault names its window: ``test_fault_advice.py``."""
    assert advice(kind).endswith(".")


@pytest.mark.parametrize("kind", sorted(WITHOUT_ADVICE))
def test_a_bottleneck_of_the_bench_has_none(kind: BottleneckKind) -> None:
    assert advice(kind) == ""


def test_each_sign_is_tested() -> None:
    assert {sign for _, sign in BY_SIGN} | set(WITH_OTHER_FACTS) == set(get_args(BottleneckSign))


@pytest.mark.parametrize("sign", WITH_OTHER_FACTS)
def test_a_sign_changes_the_advice_with_other_facts(sign: BottleneckSign) -> None:
    kind, signs, more = WITH_OTHER_FACTS[sign]
    assert advice(kind, *signs, sign, **more) != advice(kind, *signs, **more)


@pytest.mark.parametrize(("kind", "sign"), BY_SIGN)
def test_a_sign_has_its_own_advice(kind: BottleneckKind, sign: BottleneckSign) -> None:
    assert advice(kind, sign) == BY_SIGN[kind, sign] != advice(kind)


def test_a_permanent_refusal_has_the_advice_on_its_reason() -> None:
    told = advice("sender_gave_up", "refused_permanently", refusal="unauthorized")
    assert told == "give the sender the token of the provider's account. A repeat does not help."
    assert "the provider's error" in advice("sender_gave_up", "refused_permanently", refusal="unheard_of")


@pytest.mark.parametrize(
    ("signs", "advised"),
    [
        ((), "run the sender on a machine with more cores."),
        (("other_programs",), "run the load on a machine without other programs: here they used the"),
        (("busy_bench",), "run sender and bench on separate machines: here they shared the processors."),
        (
            ("other_programs", "busy_bench"),
            "run sender and bench on separate machines without other",
        ),
    ],
)
def test_a_busy_machine_has_the_advice_on_what_used_it(
    signs: tuple[BottleneckSign, ...], advised: str
) -> None:
    assert advice("machine", *signs).startswith(advised)
