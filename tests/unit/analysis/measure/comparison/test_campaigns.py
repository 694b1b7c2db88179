"""What several campaigns got, and whether they got the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from run_builder import Build, RunBuilder, Suite

from analysis import records
from analysis.measure.comparison.campaigns import jain
from analysis.model import PartReport
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
    fairness = part.fairness
    assert fairness is not None
    spring, summer = fairness.campaigns
    assert (spring.name, spring.messages, spring.delivered) == ("spring", 100, 100)
    assert spring.per_s == pytest.approx(95 / 14.4)
    assert summer.per_s == pytest.approx(95 / 5.7)
    assert spring.p95 is not None and spring.p95.value_s == pytest.approx(5.0)
    shares = (95 / 14.4 / 100, 95 / 5.7 / 100)
    expected = sum(shares) ** 2 / (2 * sum(share**2 for share in shares))
    assert fairness.jain == pytest.approx(expected)
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
    assert several is not None and several.alone is not None
    assert several.alone_part == "01-one"
    assert several.alone.value_s == pytest.approx(2.0)
    assert several.alone.claimed


def test_a_campaign_of_another_size_is_not_the_one_to_compare_with(
    new_run: Build, write_suite: Suite
) -> None:
    one, two = new_run("01-one"), new_run("02-two")
    campaign(one, "burst", 300, 40.0, 3.0, 0.0)
    one.write(load_s=10.0, end_s=30.0, scenario=role("burst"))
    for number in range(2):
        campaign(two, f"c{number}", 100, 10.0, 5.0, 0.0)
    two.write(load_s=10.0, end_s=30.0, scenario=role("campaigns"))
    fairness = parts_of(write_suite("01-one", "02-two"))["02-two"].fairness
    assert fairness is not None and fairness.alone is None and fairness.alone_part == ""
