"""Loads and routes for hypothesis: each class at a steady rate, and a burst of a campaign above it."""

from __future__ import annotations

import hypothesis.strategies as st

from loadtests.arrivals import Burst, Mix, Plan, Poisson, Stream
from reference_sender.dispatch.values import RouteLimits

routes = st.builds(
    lambda requests, batch: RouteLimits("r", requests, 5, 10 * requests, 60, batch, 4, 86_400.0),
    st.floats(2.0, 50.0),
    st.sampled_from([1, 7, 100]),
)


def plans(load_s: float, burst_at_s: float, most_in_burst: int) -> st.SearchStrategy[Plan]:
    return st.builds(
        lambda seed, rate, burst: Plan(
            streams=(
                Stream(Poisson(rate, load_s), mix=Mix(1.0, 1.0, 1.0)),
                Stream(Burst(burst, 2.0), mix=Mix(marketing=1.0), campaign="sale", start_s=burst_at_s),
            ),
            seed=seed,
            key_tag="t",
        ),
        st.integers(0, 1_000),
        st.floats(0.5, 20.0),
        st.integers(1, most_in_burst),
    )
