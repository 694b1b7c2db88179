"""Every registered fault kind has an effect, and every choice of its settings has one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from msgspec.structs import asdict
from virtual import virtual_provider

from mock_provider.engine.draws import Draws
from mock_provider.engine.faults import FAULT_EXAMPLES, FAULT_KINDS, fault_schema
from mock_provider.engine.faults.hooks import AtSubmit, RequestInterruption
from mock_provider.engine.faults.settings import FaultSettings
from mock_provider.profiles import ProfileError
from mock_provider.testing import VirtualProvider, plain_profile

NOT_OF_THE_KIND = {"kind", "name", "clock", "start_s", "end_s"}
WORLD: dict[str, Any] = {
    "carriers": [{"name": "any", "country": "*"}],
    "reply": {"latency": {"kind": "fixed", "value_s": 0.1}},
    "delivery": {"latency": {"kind": "fixed", "value_s": 1.0}},
}


def trace(p: VirtualProvider) -> object:
    """All visible results of six messages, without the names of faults: a name alone is not an effect."""
    for n in range(6):
        p.send(float(n), f"k{n}", backup_host=n % 2 == 1)
    p.run()
    rows = [asdict(row) | {"fault": ""} for row in p.rows().values()]
    return p.replies, p.replied_ns, p.cut_ns, p.calls, rows


def choices(example: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    """The example, and the example with each value of each setting that has a few."""
    schema: Any = fault_schema(str(example["kind"]))
    yield example
    for name, node in schema["properties"].items():
        reference = node.get("$ref", "").rpartition("/")[2]
        values = schema["$defs"][reference].get("enum", ()) if reference else node.get("enum", ())
        if node.get("type") == "boolean":
            values = (False, True)
        if name not in NOT_OF_THE_KIND:
            yield from ({**example, name: value} for value in values)


CASES = [(name, settings) for name, example in FAULT_EXAMPLES.items() for settings in choices(example)]


def test_every_kind_has_an_example() -> None:
    assert {example["kind"] for example in FAULT_EXAMPLES.values()} == set(FAULT_KINDS)


@pytest.mark.parametrize(("name", "settings"), CASES, ids=[f"{name}-{values}" for name, values in CASES])
def test_every_kind_has_an_effect(name: str, settings: Mapping[str, object]) -> None:
    faulty = trace(virtual_provider(faults=[{**settings, "name": name}], **WORLD))
    assert faulty != trace(virtual_provider(**WORLD))


def test_the_walk_finds_a_kind_without_effect() -> None:
    """The guard fails where it should: a kind that is described and listed, and does nothing."""

    @dataclass(frozen=True, slots=True)
    class Idle(AtSubmit):
        def interrupt(self, draws: Draws, key: str, attempt: int) -> RequestInterruption | None:
            return None

    class Nothing(FaultSettings):
        kind: Literal["nothing"]

        def description(self) -> str:
            return "nothing"

        def acting(self, start_ns: int, end_ns: int) -> Idle:
            return Idle(self.name)

    nothing = Nothing(kind="nothing", name="nothing")
    planted = plain_profile(**WORLD).model_copy(update={"faults": (nothing,)})
    assert trace(VirtualProvider(planted)) == trace(virtual_provider(**WORLD))


def test_a_kind_says_what_it_does_and_is_in_its_own_file() -> None:
    for example in FAULT_EXAMPLES.values():
        settings = FAULT_KINDS[str(example["kind"])]
        fault = settings.model_validate({**example, "name": "x"})
        assert fault.description()
        assert fault.acting(0, 1).name == "x"
        assert settings.__module__.startswith("mock_provider.engine.faults.kinds.")


def test_a_preset_fixes_its_settings() -> None:
    (fault,) = plain_profile(faults=[{"kind": "cut_after_accept", "share": 0.1}]).faults
    dumped = fault.model_dump(mode="json")
    assert (fault.name, dumped["accepted"], dumped["disconnect"]) == ("cut_after_accept", True, True)
    assert plain_profile(faults=[dumped]).faults == (fault,)
    with pytest.raises(ProfileError, match=r"faults\[0\]: accepted cannot be set: kind lost_reply fixes it"):
        plain_profile(faults=[{"kind": "lost_reply", "accepted": False}])
    preset: Any = fault_schema("lost_reply")
    whole: Any = fault_schema("hang")
    assert {"accepted", "disconnect"}.isdisjoint(preset["properties"])
    assert {"accepted", "disconnect"} <= set(whole["properties"])
