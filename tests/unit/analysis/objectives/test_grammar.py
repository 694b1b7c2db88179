"""One grammar for objectives: what it reads, and what it says where it cannot."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from analysis.objectives.defaults import ALWAYS_JUDGED, DEFAULT_OBJECTIVES, DEFAULTS, with_defaults
from analysis.objectives.grammar import (
    GivenError,
    ObjectiveError,
    canonical,
    parse,
    parse_all,
    read_given,
)

ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize(
    ("text", "measure", "message_class", "relation", "limit", "written"),
    [
        ("otp.p95<20s", "delivery_time", "otp", "<", 20.0, "otp.p95<20s"),
        (" transactional.p99.9 <= 0.5 min ", "delivery_time", "transactional", "<=", 30.0, None),
        ("marketing.p95<600s", "delivery_time", "marketing", "<", 600.0, "marketing.p95<10min"),
        ("vip-2.p50.0<2h", "delivery_time", "vip-2", "<", 7200.0, "vip-2.p50<2h"),
        ("all.p95<90s", "delivery_time", "all", "<", 90.0, "all.p95<90s"),
        ("api.p99<0.5s", "api_response", "api", "<", 0.5, "api.p99<500ms"),
        ("loss=0", "loss", "all", "=", 0.0, "loss=0"),
        ("loss<=0", "loss", "all", "=", 0.0, "loss=0"),
        ("duplicates<=3", "duplicates", "all", "<=", 3.0, "duplicates<=3"),
        ("unaccounted<5", "unaccounted", "all", "<", 5.0, "unaccounted<5"),
        ("delivered>98%", "delivered", "all", ">", 0.98, "delivered>98%"),
        ("all.delivered>98%", "delivered", "all", ">", 0.98, "delivered>98%"),
        ("otp.delivered ≥ 98.50 %", "delivered", "otp", ">=", 0.985, "otp.delivered>=98.5%"),
        ("not_taken=0", "not_taken", "all", "=", 0.0, "not_taken=0%"),
        ("not_taken≤0.1%", "not_taken", "all", "<=", 0.001, "not_taken<=0.1%"),
        ("availability>99.9%", "availability", "all", ">", 0.999, "availability>99.9%"),
        ("cost_per_1000<80.50", "cost_per_1000", "all", "<", 80.5, "cost_per_1000<80.5"),
    ],
)
def test_an_objective_is_read_into_its_parts(
    text: str, measure: str, message_class: str, relation: str, limit: float, written: str | None
) -> None:
    spec = parse(text)
    assert (spec.measure, spec.message_class, spec.relation, spec.limit) == (
        *(measure, message_class, relation),
        limit,
    )
    assert written is None or spec.text == written
    assert parse(spec.text) == spec


@pytest.mark.parametrize(
    ("text", "at", "words"),
    [
        ("", 0, "missing"),
        ("otp.p95", 7, "a relation and a limit are missing"),
        ("otp.p95 within 10s", 8, "a relation and a limit belong here"),
        ("p95<10s", 0, "a class is missing: otp.p95, all.p95"),
        ("<3", 0, "a measure is missing"),
        ("los=0", 0, "did you mean loss?"),
        ("otp p95<10s", 0, "is neither a measure nor a class"),
        ("otp.q<1s", 4, "write otp.p95"),
        ("otp.p100<1s", 4, "p0.0001 to p99.9999"),
        ("otp.p0<1s", 5, "a percentile is above 0 and below 100"),
        ("api.delivered>3%", 4, "is not a measure of api"),
        ("otp.p95>10s", 7, "use < or <="),
        ("otp.p95=10s", 7, "use < or <="),
        ("delivered<90%", 9, "use > or >="),
        ("loss>0", 4, "use = or < or <="),
        ("otp.p95<>10s", 7, "does not fit"),
        ("otp.p95<", 8, "the limit is missing"),
        ("otp.p95<-1s", 8, "a number is expected"),
        ("otp.p95<ten", 8, "a number is expected"),
        ("otp.p95<10", 10, "unit of time is missing"),
        ("otp.p95<10x", 10, "use ms, s, min or h"),
        ("otp.p95<1e3s", 9, "use ms, s, min or h"),
        ("otp.p95<0,5s", 9, "write 0.5"),
        ("otp.p95 < 10,25 s", 12, "write 10.25"),
        (
            "otp.p95<10s,transactional.p95<20s",
            11,
            "one objective ends here: repeat the option",
        ),
        ("loss=0; duplicates=0", 6, "one objective ends here"),
        (
            "otp.p95,transactional.p95<20s",
            7,
            "the limit of otp.p95 is missing: each objective needs its own; repeat the option",
        ),
        (" otp.p95 ; loss = 0", 9, "the limit of otp.p95 is missing"),
        ("otp.p95<0,5s,loss=0", 9, "write 0.5"),
        ("otp.p95<5s,20", 9, "use ms, s, min or h"),
        ("otp.p95<0s", 8, "above 0"),
        ("otp.p95<169h", 8, "at most 168 h"),
        ("delivered>98", 12, "write it in %"),
        ("delivered>101%", 10, "at most 100%"),
        ("availability>100%", 12, "use >="),
        ("not_taken<0%", 9, "nothing is below 0"),
        ("not_taken=1%", 9, "= is allowed with 0 only"),
        ("loss=1", 4, "= is allowed with 0 only"),
        ("loss<0", 4, "nothing is below 0"),
        ("loss=0.5", 5, "a whole number"),
        ("loss=0%", 6, "no unit"),
        ("cost_per_1000<8zl", 15, "no unit"),
        ("cost_per_1000<9999999999999", 14, "at most"),
        ("otp.p95\t<\n10x", 12, "use ms"),
    ],
)
def test_errors_show_the_place(text: str, at: int, words: str) -> None:
    with pytest.raises(ObjectiveError) as caught:
        parse(text)
    shown, mark = str(caught.value).split("\n")
    assert len(shown) == len(text)
    assert mark.index("^") == at == caught.value.at
    assert words in mark


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("opt.p95<10s", "is of class opt: did you mean otp? allowed: otp, marketing; all"),
        (" OTP.delivered>90%", "did you mean otp?"),
        ("vip.p95<10s", "is of class vip: allowed: otp, marketing; all"),
    ],
)
def test_a_class_that_no_load_has_is_refused_where_the_classes_are_known(
    tmp_path: Path, text: str, words: str
) -> None:
    classes = ("otp", "marketing")
    with pytest.raises(ObjectiveError) as caught:
        read_given([text], classes)
    assert words in str(caught.value)
    assert caught.value.at == len(text) - len(text.lstrip())
    path = tmp_path / "slo.txt"
    path.write_text(f"loss=0\n{text}\n")
    with pytest.raises(GivenError, match=r"slo\.txt, line 2"):
        read_given([f"@{path}"], classes)
    assert read_given([text]) == canonical([text])  # a load of your own, which `report` judges
    assert len(read_given(["otp.p95<1s", "all.p99<1s", "api.p99<1s", "delivered>1%"], classes)) == 4


def test_one_thing_is_limited_once() -> None:
    with pytest.raises(ObjectiveError, match=r"otp\.p95 is limited twice: see otp\.p95<20s"):
        parse_all(["otp.p95<20s", "otp.p99<30s", "otp.p95.0<=10s"])


def test_a_file_has_an_objective_a_line_and_comments(tmp_path: Path) -> None:
    path = tmp_path / "slo.txt"
    path.write_text("# of the contract\notp.p95 < 20 s   # §4\n\nloss = 0\n")
    assert read_given([f"@{path}", "api.p99<500ms"]) == ("otp.p95<20s", "loss=0", "api.p99<500ms")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"loss=0\notp.p95<20\n", "line 2:\notp.p95<20\n          ^ the unit of time is missing"),
        (b"# nothing\n\n", "the file has no objective"),
        (b"\xff\xfeloss", "not UTF-8"),
        (None, "no such file: "),
    ],
)
def test_a_file_that_cannot_be_taken_is_named(tmp_path: Path, body: bytes | None, words: str) -> None:
    path = tmp_path / "slo.txt"
    if body is not None:
        path.write_bytes(body)
    with pytest.raises(GivenError) as caught:
        read_given([f"@{path}"])
    assert str(path) in str(caught.value)
    assert words in str(caught.value)
    if body is None:
        assert str(caught.value) == (
            f"no such file: {path}. Give an objective, for example otp.p95<20s, or @FILE: a text file with "
            "one objective per line"
        )


def test_the_defaults_are_canonical_and_each_has_its_source() -> None:
    assert canonical(DEFAULT_OBJECTIVES) == DEFAULT_OBJECTIVES
    page = (ROOT / "docs" / "objectives.md").read_text()
    sources = (ROOT / "docs" / "sources.md").read_text()
    reasons = dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", page.partition("## Defaults")[2], re.MULTILINE))
    for each in DEFAULTS:
        assert len(each.reason) > 20
        # A limit on a time has no source that names it: the page says so, and that it is assumed.
        chosen = parse(each.objective).measure == "delivery_time"
        assert (each.reason.startswith("a choice of smsbench: ")) == chosen
        assert ("a choice of smsbench" in reasons[each.objective]) == chosen
    assert (
        "| the limits of the default objectives on delivery times (20 s, 60 s, 10 min) | assumed |" in sources
    )
    assert "30 s](sources.md" in reasons["otp.p95<20s"] and "rfc6238#section-5.2" in sources
    assert set(ALWAYS_JUDGED) <= set(DEFAULT_OBJECTIVES)


def test_given_objectives_replace_the_defaults_but_not_the_accounting() -> None:
    assert with_defaults([]) == DEFAULT_OBJECTIVES
    assert with_defaults(["otp.p95 < 5s", "loss<=2"]) == (
        *("otp.p95<5s", "loss<=2"),
        *("duplicates=0", "unaccounted=0", "not_taken<=0.1%"),
    )
    assert "not_taken<=0.1%" not in with_defaults(["not_taken<=5%"])


@pytest.mark.parametrize(
    ("text", "corrected"),
    [
        ("OTP.P95<10S", "measures and units are in small letters: otp.p95<10s"),
        ("otp.p95<10S", "measures and units are in small letters: otp.p95<10s"),
        ("OTP.p95<10s", "did you mean otp?"),
        ("LOSS=0", "measures and units are in small letters: loss=0"),
        ("API.p95<1s", "did you mean api?"),
        ("SMS.P95<10S", "'P95' is not a measure of SMS"),  # no class of a load: wrong in small letters, too
    ],
)
def test_what_is_suggested_for_capital_letters_is_accepted(text: str, corrected: str) -> None:
    classes = ("otp", "marketing")
    with pytest.raises(GivenError) as caught:
        read_given([text], classes)
    assert corrected in str(caught.value)
    suggested = corrected.rpartition(" ")[2].rstrip("?")
    if "=" in suggested or "<" in suggested:
        assert read_given([suggested], classes) == (suggested,)


def test_a_class_of_another_generator_keeps_its_capital_letters() -> None:
    with pytest.raises(GivenError, match=r"small letters: OTP\.p95<10s"):
        read_given(["OTP.P95<10S"])
