"""The effect of a fault: as the provider names it, or by its kind in a run directory without effects."""

from __future__ import annotations

from typing import get_args

import pytest
from run_builder import Build

from analysis.fault_effects import RecordedEffect, effect_of
from analysis.part import analyse_part
from analysis.records import RecordedFault, read_manifest
from mock_provider.engine.faults import FAULT_EXAMPLES, FAULT_KINDS, hooks


def test_provider_and_analysis_have_the_same_effects() -> None:
    assert get_args(RecordedEffect) == get_args(hooks.FaultEffect)


# The kinds of the providers that wrote no effect. A kind that is added later always has one.
KINDS_WITHOUT_EFFECT = {
    *("accept_then_lose", "added_latency", "carrier_down", "country_down", "cut_after_accept", "error_rate"),
    *("hang", "lost_reply", "outage", "rate_reduction", "report_delay", "report_duplicate", "report_loss"),
    *("report_reorder", "report_storm"),
}


@pytest.mark.parametrize(
    "name", [name for name, each in FAULT_EXAMPLES.items() if each["kind"] in KINDS_WITHOUT_EFFECT]
)
def test_a_run_without_effects_has_those_that_the_provider_names(name: str) -> None:
    example = FAULT_EXAMPLES[name]
    fault = FAULT_KINDS[str(example["kind"])].model_validate({**example, "name": "x"})
    profile = {"faults": [fault.model_dump(mode="json")]}
    assert effect_of(None, "x", fault.kind, profile) == fault.acting(0, 1).effect


def test_an_outage_of_one_host_is_no_outage_of_the_provider() -> None:
    settings = {"kind": "outage", "name": "x", "host": "backup"}
    effect = FAULT_KINDS["outage"].model_validate(settings).acting(0, 1).effect
    assert effect == effect_of(None, "x", "outage", {"faults": [settings]}) == "outage_of_a_host"


def test_every_effect_is_that_of_an_example() -> None:
    named = {
        FAULT_KINDS[str(each["kind"])].model_validate({**each, "name": "x"}).acting(0, 1).effect
        for each in FAULT_EXAMPLES.values()
    }
    assert named | {"outage_of_a_host"} == set(get_args(RecordedEffect))


def test_an_effect_that_a_run_has_decides_and_not_the_kind(new_run: Build) -> None:
    run = new_run("run")
    run.journey("m", 1.0, 2.0)
    faults = (
        RecordedFault("a", "a_new_kind", "", 7_000_000_000_000, None, "lowered_limit"),
        RecordedFault("b", "outage", "", 7_000_000_000_000, None, "other"),
        RecordedFault("c", "report_loss", "", 7_000_000_000_000, None),
    )
    run_dir = run.write(faults=faults)
    made = analyse_part(run_dir, read_manifest(run_dir), "made")
    assert [band.effect for band in made.faults] == ["lowered_limit", "other", "reports"]
