"""Arrays of ``arrow_columns`` are those of ``pyarrow.array``, bit for bit where it can be seen."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arrow_columns import column_array

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
# Few different values, so that whole columns have one.
KINDS: dict[pa.DataType, st.SearchStrategy[object]] = {
    pa.string(): TEXT | st.sampled_from(["", "a", "zażółć"]),
    pa.int32(): st.integers(-(2**31), 2**31 - 1) | st.just(0),
    pa.int64(): st.integers(-(2**63), 2**63 - 1) | st.just(10**18),
    pa.float64(): st.floats(allow_nan=False) | st.just(0.5),
    pa.bool_(): st.booleans(),
}


@pytest.mark.parametrize("kind", KINDS, ids=str)
@given(data=st.data())
def test_a_column_is_that_of_pyarrow(kind: pa.DataType, data: st.DataObject) -> None:
    values: Sequence[object] = data.draw(
        st.lists(KINDS[kind] | st.none(), max_size=40) | st.lists(KINDS[kind], max_size=40)
    )
    for given_as in (values, tuple(values)):
        made = column_array(given_as, kind)
        made.validate(full=True)
        assert made.type == kind
        assert made.equals(pa.array(values, type=kind))
        assert made.null_count == values.count(None)


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("count", [1, 2, 8, 9])
def test_a_column_of_one_object_is_that_of_pyarrow(kind: pa.DataType, count: int) -> None:
    one = {pa.string(): "ą", pa.int32(): 7, pa.int64(): 10**18, pa.float64(): 0.16, pa.bool_(): True}[kind]
    for value in (one, None):
        made = column_array([value] * count, kind)
        made.validate(full=True)
        assert made.equals(pa.array([value] * count, type=kind))


@pytest.mark.parametrize(
    ("kind", "values", "error"),
    [
        (pa.int32(), [1, 2**31], OverflowError),
        (pa.int64(), [None, 2**63], OverflowError),
        (pa.int64(), [1, 1.5], TypeError),
        (pa.int64(), [None, "1"], TypeError),
        (pa.float64(), ["0.5", 1.0], TypeError),
        (pa.bool_(), [True, "yes"], TypeError),
        (pa.string(), ["a", 1], TypeError),
        (pa.string(), ["a", None, b"b"], TypeError),
        (pa.string(), ["a", "\ud800"], UnicodeEncodeError),
        (pa.string(), ["\ud800"], UnicodeEncodeError),
    ],
)
def test_what_does_not_fit_is_refused(
    kind: pa.DataType, values: Sequence[object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        column_array(values, kind)
