"""Delay distributions as functions of two uniforms: the same uniforms always give the same delay."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate
from statistics import NormalDist
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from mock_provider.settings.distributions import (
        AbsentSubscriber,
        DelayDistribution,
        Empirical,
        Lognormal,
        PlainDistribution,
    )

NS_PER_S = 1_000_000_000
NEVER_NS = 2**62  # 146 years: a subscriber that no attempt reaches

DelaySampler = Callable[[float, float], int]
"""(u, v), both in (0, 1) -> nanoseconds; ``v`` chooses the branch of a mixture, ``u`` the value within it."""

_BELOW_ONE = 1.0 - 2.0**-53
_Z99 = NormalDist().inv_cdf(0.99)


class Radio(Struct, frozen=True, gc=False):
    """The delay from a carrier to a handset. If ``v < absent_share``, the phone is unreachable at first."""

    body: DelaySampler  # the delay to a reachable phone
    absent_share: float = 0.0
    until_found: Callable[[float], int] | None = None  # u -> the wait for the phone

    def absent(self, u: float, v: float) -> tuple[int, int]:
        """For an unreachable phone: the radio delay of the attempt that reaches it, and the wait before it.

        ``v`` is below ``absent_share``, so ``v / absent_share`` is uniform: it is reused for the radio delay.
        """
        if self.until_found is None:
            return self.body(u, v), 0
        return self.body(min(v / self.absent_share, _BELOW_ONE), v), self.until_found(u)


def radio_of(spec: DelayDistribution) -> Radio:
    if spec.kind == "absent_subscriber":
        return Radio(_body(spec.body), spec.absent_share, _until_found(spec))
    return Radio(_body(spec))


def sampler(spec: DelayDistribution) -> DelaySampler:
    """The whole delay, with the wait for an unreachable subscriber."""
    if spec.kind != "absent_subscriber":
        return _body(spec)
    radio = radio_of(spec)
    return lambda u, v: radio.body(u, v) if v >= radio.absent_share else sum(radio.absent(u, v))


def is_zero(spec: DelayDistribution) -> bool:
    return spec.kind == "fixed" and spec.value_s == 0.0


def nanoseconds(seconds: float) -> int:
    return round(seconds * NS_PER_S)


def _body(spec: PlainDistribution) -> DelaySampler:
    if spec.kind == "fixed":
        value_ns = nanoseconds(spec.value_s)
        return lambda u, v: value_ns
    if spec.kind == "uniform":
        low_ns, span_ns = nanoseconds(spec.low_s), (spec.high_s - spec.low_s) * NS_PER_S
        return lambda u, v: low_ns + int(u * span_ns)
    if spec.kind == "lognormal":
        return _lognormal(spec)
    return _empirical(spec)


def _lognormal(spec: Lognormal) -> DelaySampler:
    # exp(mu + sigma z) with median exp(mu) and 99th percentile exp(mu + sigma z99).
    median_ns = spec.median_s * NS_PER_S
    sigma = math.log(spec.p99_s / spec.median_s) / _Z99
    inverse = NormalDist(0.0, 1.0).inv_cdf
    exp = math.exp
    return lambda u, v: int(median_ns * exp(sigma * inverse(u)))


def _empirical(spec: Empirical) -> DelaySampler:
    shares = [percentile / 100.0 for percentile, _ in spec.percentiles_s]
    values_ns = [value * NS_PER_S for _, value in spec.percentiles_s]
    last = len(shares) - 1

    def sample(u: float, v: float) -> int:
        above = bisect_right(shares, u)
        if above == 0:
            return int(values_ns[0])
        if above > last:
            return int(values_ns[last])
        part = (u - shares[above - 1]) / (shares[above] - shares[above - 1])
        return int(values_ns[above - 1] + part * (values_ns[above] - values_ns[above - 1]))

    return sample


def _until_found(spec: AbsentSubscriber) -> Callable[[float], int]:
    steps_ns = [nanoseconds(step.every_s) for step in spec.retries for _ in range(step.times)]
    attempts_ns = list(accumulate(steps_ns))
    # The number of failed attempts is geometric: P(more than k) = (1 - found) ** (k + 1).
    log_missed = math.log1p(-spec.found_share) if spec.found_share < 1.0 else -math.inf

    def wait(u: float) -> int:
        missed = int(math.log(u) / log_missed)
        return attempts_ns[missed] if missed < len(attempts_ns) else NEVER_NS

    return wait
