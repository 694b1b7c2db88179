"""What several campaigns got, and whether they got the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from run_builder import Build, RunBuilder, Suite
from screen_texts import aside_text

from analysis import records
from analysis.first_screen.rules import contradictions
from analysis.first_screen.screen import first_screen
from analysis.measure.comparison.campaigns import jain
from analysis.model import PartReport
from analysis.render.tables_findings import fairness
from analysis.report import build_report


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([1.0, 1.0, 1.0, 1.0], 1.0),
        ([4.0, 0.0, 0.0, 0.0], 0.25),  # one has everything: 1/n
        ([1.0, 2.0], 9 / 10),  # (1 + 2)^2 / (2 (1 + 4))
        ([1.0, 2.0, 3.0], 36 / 42),
        ([0.0, 0.0], None),
    ],
)
def test_jains_index(shares: list[float], expected: float | None) -> None:
    found = jain(shares)
    assert found == (None if expected is None else pytest.approx(expected))


def campaign(
    run: RunBuilder, name: str, messages: int, per_s: float, delivery_s: float, first_s: float
) -> None:
    for slot in range(messages):
        due_s = first_s + slot / per_s
        run.journey(f"{name}-{slot}", due_s, delivery_s, message_class="marketing", campaign=name)


def role(name: str) -> records.RecordedScenario:
    return records.RecordedScenario(name="bench", title="made by hand", role=name)  # type: ignore[arg-type]


def parts_of(directory: Path) -> dict[str, PartReport]:
    return {part.slug: part for part in build_report(directory).parts}


def test_the_rate_of_a_campaign_ends_with_95_percent_of_its_messages(new_run: Build) -> None:
    run = new_run("a")
    # 100 messages at 10/s from 2 s on, each delivered after 5 s. The 95th is due at 11.4 s and arrives at
    # 16.4 s: 95 messages in 14.4 s.
    campaign(run, "spring", 100, 10.0, 5.0, 2.0)
    # As many, twice as fast, delivered after 1 s. The 95th: due 4.7 s after the first, arrived after 5.7 s.
    campaign(run, "summer", 100, 20.0, 1.0, 2.0)
    run.due("otp-1", 0.5)
    run.seen("otp-1", 0.6)
    (part,) = build_report(run.write(load_s=12.0, end_s=40.0, scenario=role("campaigns"))).parts
    found = part.fairness
    assert found is not None
    spring, summer = found.campaigns
    assert (spring.name, spring.messages, spring.delivered) == ("spring", 100, 100)
    assert spring.per_s == pytest.approx(95 / 14.4)
    assert summer.per_s == pytest.approx(95 / 5.7)
    assert spring.p95 is not None and spring.p95.value_s == pytest.approx(5.0)
    shares = (95 / 14.4 / 100, 95 / 5.7 / 100)
    expected = sum(shares) ** 2 / (2 * sum(share**2 for share in shares))
    assert found.jain == pytest.approx(expected)
    assert expected == pytest.approx(0.842, abs=0.001)


def test_campaigns_of_different_sizes_are_fair_with_rates_in_proportion(new_run: Build) -> None:
    run = new_run("a")
    campaign(run, "large", 400, 40.0, 1.0, 0.0)
    campaign(run, "small", 100, 10.0, 1.0, 0.0)
    (part,) = build_report(run.write(load_s=10.0, end_s=20.0, scenario=role("campaigns"))).parts
    assert part.fairness is not None and part.fairness.jain is not None
    # Of the large one the last 5 % end after 9.475 s, of the small one after 9.4 s.
    assert part.fairness.jain == pytest.approx(1.0, abs=0.001)


def test_a_part_that_releases_no_campaigns_at_once_has_no_fairness(new_run: Build) -> None:
    run = new_run("a")
    campaign(run, "newsletter", 100, 10.0, 1.0, 0.0)
    (part,) = build_report(run.write(load_s=10.0, scenario=role("peak_slice"))).parts
    assert part.fairness is None


def test_several_campaigns_are_compared_with_one_of_the_same_size(new_run: Build, write_suite: Suite) -> None:
    one, four = new_run("01-one"), new_run("02-four")
    campaign(one, "burst", 400, 40.0, 3.0, 0.0)
    one.write(load_s=10.0, end_s=30.0, scenario=role("burst"))
    for number in range(4):
        campaign(four, f"c{number}", 100, 10.0, 5.0, 0.0)
    four.write(load_s=10.0, end_s=30.0, scenario=role("campaigns"))
    parts = parts_of(write_suite("01-one", "02-four"))
    alone = parts["01-one"].fairness
    assert alone is not None and (alone.jain, alone.alone_part) == (None, "")
    several = parts["02-four"].fairness
    assert several is not None and several.alone_part == "01-one"
    for each in several.campaigns:
        assert each.alone is not None and each.alone.claimed
        assert each.alone.value_s == pytest.approx(2.0)


def drawn(run: RunBuilder, name: str, slowest_s: float, messages: int = 400) -> None:
    """Released at once, in a queue that empties in ``slowest_s``; their order in it is drawn."""
    chance = np.random.default_rng(sum(map(ord, name)))
    for slot, delivery_s in enumerate(chance.uniform(0.5, slowest_s, messages).tolist()):
        run.journey(f"{name}-{slot}", slot / 100.0, delivery_s, message_class="marketing", campaign=name)


def test_a_campaign_that_is_starved_among_faster_ones_is_named(new_run: Build, write_suite: Suite) -> None:
    """All four together have nearly the p95 of one alone."""
    one, four = new_run("01-one"), new_run("02-four")
    drawn(one, "burst", 20.0, 1_600)
    one.write(load_s=16.0, end_s=60.0, scenario=role("burst"))
    for name, slowest_s in (("a", 17.0), ("b", 17.0), ("starved", 26.0), ("c", 17.0)):
        drawn(four, name, slowest_s)
    four.write(load_s=16.0, end_s=60.0, scenario=role("campaigns"))
    made = build_report(write_suite("01-one", "02-four"))
    (several,) = [part.fairness for part in made.parts if part.slug == "02-four"]
    assert several is not None
    slower = [each.name for each in several.campaigns if each.alone and each.alone.low_s > 0.0]
    assert slower == ["starved"]
    said = aside_text(first_screen(made), "campaigns")
    assert "95 % arrive: the slowest is starved, with a difference of 5.85 s (5.14 s to 6.48 s)." in said
    assert not [each for each in contradictions(first_screen(made), made) if "starved" in each]
    table = fairness(made, [part.slug for part in made.parts].index("02-four"))
    assert [column.name for column in table.columns][-1] == "minus one campaign alone"


def test_without_a_slower_campaign_the_page_says_so(new_run: Build, write_suite: Suite) -> None:
    one, two = new_run("01-one"), new_run("02-two")
    drawn(one, "burst", 20.0, 800)
    one.write(load_s=8.0, end_s=60.0, scenario=role("burst"))
    for name in ("a", "b"):
        drawn(two, name, 18.0)
    two.write(load_s=8.0, end_s=60.0, scenario=role("campaigns"))
    said = aside_text(first_screen(build_report(write_suite("01-one", "02-two"))), "campaigns")
    assert "95 % arrive: none of them is shown to be slower." in said


def test_the_p95_of_a_campaign_has_the_effective_sample_size(new_run: Build) -> None:
    """A queue that fills: 100 messages have the evidence of one."""
    run = new_run("a")
    for slot in range(100):
        run.journey(f"m-{slot}", 0.0, 1.0 + slot / 10, message_class="marketing", campaign="spring")
    (part,) = build_report(run.write(load_s=10.0, end_s=20.0, scenario=role("campaigns"))).parts
    assert part.fairness is not None
    (spring,) = part.fairness.campaigns
    assert spring.p95 is not None and (spring.p95.state, spring.p95.needed > 72) == ("withheld", True)


def test_a_campaign_of_another_size_is_not_the_one_to_compare_with(
    new_run: Build, write_suite: Suite
) -> None:
    one, two = new_run("01-one"), new_run("02-two")
    campaign(one, "burst", 300, 40.0, 3.0, 0.0)
    one.write(load_s=10.0, end_s=30.0, scenario=role("burst"))
    for number in range(2):
        campaign(two, f"c{number}", 100, 10.0, 5.0, 0.0)
    two.write(load_s=10.0, end_s=30.0, scenario=role("campaigns"))
    found = parts_of(write_suite("01-one", "02-two"))["02-two"].fairness
    assert found is not None and found.campaigns[0].alone is None and found.alone_part == ""
