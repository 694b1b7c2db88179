from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analysis.measure.percentiles import known, quantiles, ranks, with_open

TIMES = st.lists(st.floats(0.0, 1e4, allow_nan=False), min_size=1, max_size=300)
PERCENTILES = st.integers(1, 9_999).map(lambda hundredths: hundredths / 100)


@given(TIMES, PERCENTILES)
def test_nearest_rank_is_numpys_inverted_cdf(times: list[float], percentile: float) -> None:
    values = np.sort(np.array(times))
    ours = values[ranks(len(values), (percentile,))[0] - 1]
    # numpy multiplies in floats: where q * n falls on a rank except for rounding, it may take a neighbour.
    position = percentile * len(values) / 100
    if abs(position - round(position)) > 1e-9:
        assert ours == np.quantile(values, percentile / 100, method="inverted_cdf")
    else:
        assert ours == values[max(round(position), 1) - 1]


@given(TIMES, TIMES, st.integers(0, 20), PERCENTILES)
def test_open_messages_bound_whatever_they_become(
    times: list[float], ages: list[float], never: int, percentile: float
) -> None:
    """However long an open message takes in the end, the interval computed today still holds it."""
    today = quantiles(with_open(np.array(times), np.array(ages), never), (percentile,))[0]
    for later in (0.0, 5.0, 1e6):
        ended = np.concatenate([times, np.array(ages) + later, np.full(never, np.inf)])
        then = quantiles(known(ended), (percentile,))[0]
        if today.low_s is not None and then.low_s is not None:
            assert today.low_s <= then.low_s
        if today.high_s is not None and then.high_s is not None:
            assert then.high_s <= today.high_s
        if today.state == "at_least":
            assert today.value_s is not None and then.value_s is not None
            assert then.value_s >= today.value_s
