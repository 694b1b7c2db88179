"""Values of the metrics, in the units that their names promise."""

from __future__ import annotations

from collections import defaultdict

from dispatch_states import state_of
from msgspec.structs import replace

from reference_sender.api.exposition import dispatch_families


def test_ratios_are_parts_of_one() -> None:
    (route,) = state_of().routes
    routes = (
        replace(route, name="a", weight=75.0, delivery_rate=0.9, health=1.0),
        replace(route, name="b", weight=25.0, delivery_rate=1.0, health=0.5),
    )
    state = replace(state_of(), routes=routes, totals=defaultdict(int))
    families = {each.name: each for each in dispatch_families(state)}
    weights = [sample.value for sample in families["smsbench_sender_route_weight_ratio"].samples]
    assert weights == [0.75, 0.25]
    for name, family in families.items():
        if name.endswith("_ratio"):
            assert all(0 <= sample.value <= 1 for sample in family.samples), name
