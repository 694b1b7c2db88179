from __future__ import annotations

import math
from typing import Any

import pytest
from nanoseconds import S

from mock_provider.engine.distributions import NEVER_NS, DelaySampler, sampler
from mock_provider.engine.draws import Draws, outcome_of, report_of
from mock_provider.profiles import load_profile, parse_profile


def sample_of(**spec: Any) -> DelaySampler:
    reply = {"latency": spec}
    profile = parse_profile({"name": "x", "carriers": [{"name": "a", "country": "*"}], "reply": reply})
    return sampler(profile.reply.latency)


def test_lognormal_has_its_median_and_p99() -> None:
    sample = sample_of(kind="lognormal", median_s=0.04, p99_s=0.25)
    assert sample(0.5, 0.5) == pytest.approx(0.04 * S, rel=1e-6)
    assert sample(0.99, 0.5) == pytest.approx(0.25 * S, rel=1e-6)


def test_lognormal_without_spread_is_fixed() -> None:
    assert sample_of(kind="lognormal", median_s=1.0, p99_s=1.0)(0.999, 0.5) == S


def test_uniform_and_fixed() -> None:
    uniform = sample_of(kind="uniform", low_s=1.0, high_s=3.0)
    assert [uniform(u, 0.5) for u in (0.0, 0.25, 0.999999)] == [S, 1.5 * S, pytest.approx(3 * S, rel=1e-5)]
    assert sample_of(kind="fixed", value_s=0.125)(0.9, 0.1) == S // 8


def test_empirical_joins_percentiles_by_lines() -> None:
    sample = sample_of(kind="empirical", percentiles_s=[[10, 1.0], [50, 2.0], [100, 12.0]])
    assert [sample(u, 0.5) / S for u in (0.01, 0.1, 0.3, 0.5, 0.75, 1.0)] == [1.0, 1.0, 1.5, 2.0, 7.0, 12.0]


@pytest.mark.parametrize(
    ("fast", "p50_s", "p90_s", "p95_s", "within_10_s", "over_60_s"),
    [(False, 3.1, 11, 19, 0.88, 0.03), (True, 2.5, 6.4, 8.5, 0.966, 0.01)],
    ids=["standard", "direct"],
)
def test_delay_model_has_the_published_quantiles(
    fast: bool, p50_s: float, p90_s: float, p95_s: float, within_10_s: float, over_60_s: float
) -> None:
    """docs/sources.md, delivery delay: rows standard and direct (OTP)."""
    delivery = load_profile("smsapi").delivery
    latency = delivery.priority_latency if fast else delivery.latency
    assert latency is not None
    sample = sampler(latency)
    draws = Draws(7)
    delays = sorted(
        sample(u, v) for u, v, _ in (outcome_of(draws.message(f"k{n}", 1)) for n in range(40_000))
    )
    quantiles = [delays[int(q * len(delays))] / S for q in (0.5, 0.9, 0.95)]
    assert quantiles == pytest.approx([p50_s, p90_s, p95_s], rel=0.08)
    assert sum(d <= 10 * S for d in delays) / len(delays) == pytest.approx(within_10_s, abs=0.006)
    assert sum(d >= 60 * S for d in delays) / len(delays) == pytest.approx(over_60_s, abs=0.004)
    if not fast:
        assert delays[int(0.99 * len(delays))] / S == pytest.approx(45 * 60, rel=0.25)


def test_absent_subscriber_follows_the_retry_steps() -> None:
    sample = sample_of(
        kind="absent_subscriber",
        absent_share=1.0,
        found_share=0.5,
        retries=[{"every_s": 60, "times": 2}, {"every_s": 600, "times": 1}],
        body={"kind": "fixed", "value_s": 1.0},
    )
    # The attempt that finds the phone takes a second by radio.
    assert [sample(u, 0.5) for u in (0.9, 0.4, 0.2, 0.1)] == [61 * S, 121 * S, 721 * S, NEVER_NS + S]


def test_uniforms_are_even_and_lie_strictly_within() -> None:
    draws = Draws(1)
    drawn = [draws.attempt(f"k{n}", 1) for n in range(20_000)]
    for values in zip(*drawn, strict=True):
        assert 0 < min(values) < max(values) < 1
        mean = sum(values) / len(values)
        assert abs(mean - 0.5) < 4 / math.sqrt(12 * len(values))
    columns = list(zip(*drawn, strict=True))
    covariance = sum((a - 0.5) * (b - 0.5) for a, b in zip(columns[0], columns[1], strict=True))
    assert abs(covariance / len(drawn)) < 4 / 12 / math.sqrt(len(drawn))


def test_draws_differ_by_seed_key_attempt_and_domain() -> None:
    draws = Draws(1)
    drawn = {
        draws.attempt("k", 1),
        draws.attempt("k", 2),
        draws.attempt("l", 1),
        outcome_of(draws.message("k", 1)),
        outcome_of(draws.message("k", 2)),
        report_of(draws.message("k", 1)),
        report_of(draws.message("k", 2)),
        draws.number("k"),
        Draws(2).attempt("k", 1),
        Draws(-1).attempt("k", 1),
    }
    assert len(drawn) == 10
    assert Draws(1).attempt("k", 1) == draws.attempt("k", 1)
