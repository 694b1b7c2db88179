"""Objectives: the grammar writes what it reads, and a looser limit never makes a verdict worse."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from analysis.judge.evidence import messages_needed
from analysis.judge.verdict import judge
from analysis.objectives.grammar import ObjectiveError, Relation, parse

NUMBERS = st.decimals(min_value="0.001", max_value=3600, places=3).map(lambda n: format(n, "f"))
CLASSES = st.from_regex(r"\A[A-Za-z][A-Za-z0-9_-]{0,12}\Z").filter(lambda name: name != "api")
PERCENTILES = st.integers(1, 999_999).map(lambda n: f"{n // 10_000}.{n % 10_000:04d}")
TIMES = st.builds(
    "{}.p{}{}{}{}".format,
    st.one_of(CLASSES, st.just("api")),
    PERCENTILES,
    st.sampled_from(["<", "<=", " ≤ "]),
    NUMBERS,
    st.sampled_from(["ms", "s", "min", " s "]),
)
SHARES = st.builds(
    "{}delivered{}{}%".format,
    st.one_of(st.just(""), CLASSES.map(lambda name: f"{name}.")),
    st.sampled_from([">", ">="]),
    st.decimals(min_value=0, max_value="99.999", places=3).map(lambda n: format(n, "f")),
)
COUNTS = st.builds(
    "{}<={}".format, st.sampled_from(["loss", "duplicates", "unaccounted"]), st.integers(0, 10**12)
)


@given(st.one_of(TIMES, SHARES, COUNTS))
def test_the_canonical_text_means_the_same(text: str) -> None:
    spec = parse(text)
    assert parse(spec.text) == spec
    assert spec.text.startswith(spec.subject)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused_with_a_place_inside_it(text: str) -> None:
    try:
        spec = parse(text)
    except ObjectiveError as error:
        assert 0 <= error.at <= len(text)
        assert str(error).count("\n") == 1
    else:
        assert parse(spec.text) == spec


RANK = {"missed": 0, "undecided": 1, "met": 2}
ENDS = st.tuples(st.floats(0, 100), st.floats(0, 100)).map(lambda ends: (min(ends), max(ends)))


@given(ENDS, st.sampled_from(["<", "<=", ">", ">="]), st.floats(0, 100), st.floats(0, 100))
def test_a_looser_limit_never_makes_it_worse(
    ends: tuple[float, float], relation: Relation, limit: float, by: float
) -> None:
    looser = limit + by if relation in ("<", "<=") else limit - by
    assert RANK[judge(relation, *ends, looser)] >= RANK[judge(relation, *ends, limit)]


@given(ENDS, st.floats(0, 50), st.sampled_from(["<", "<=", ">", ">=", "="]), st.floats(0, 100))
def test_a_wider_interval_only_takes_certainty_away(
    ends: tuple[float, float], by: float, relation: Relation, limit: float
) -> None:
    narrow = judge(relation, *ends, limit)
    assert judge(relation, ends[0] - by, ends[1] + by, limit) in (narrow, "undecided")


@given(ENDS, st.sampled_from(["<", "<=", ">", ">="]), st.floats(0, 100))
def test_a_point_inside_the_interval_is_never_contradicted(
    ends: tuple[float, float], relation: Relation, limit: float
) -> None:
    verdict = judge(relation, *ends, limit)
    for point in (*ends, sum(ends) / 2):
        inside = min(max(point, ends[0]), ends[1])
        assert verdict in (judge(relation, inside, inside, limit), "undecided")


@given(st.floats(0.01, 0.99), st.floats(0.5, 0.999))
def test_the_nearer_the_limit_the_more_messages(seen: float, asked: float) -> None:
    wanted = messages_needed(seen, asked)
    assert messages_needed((seen + asked) / 2, asked) >= wanted
    assert messages_needed(seen, asked, evidence=0.5) >= wanted
