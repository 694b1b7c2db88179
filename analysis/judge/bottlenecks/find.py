"""Combines the kinds: the bottlenecks in order of weight."""

from __future__ import annotations

import numpy as np

from analysis.arrays import Bools, Floats
from analysis.findings import Bottleneck, BottleneckKind, acts_after_acceptance
from analysis.judge.bottlenecks.bench import GENERATOR, MOCK
from analysis.judge.bottlenecks.carriers import CARRIER
from analysis.judge.bottlenecks.kind import Description, Kind, KindFinding
from analysis.judge.bottlenecks.machine import MACHINE
from analysis.judge.bottlenecks.network import NETWORK
from analysis.judge.bottlenecks.provider_fault import FAULT
from analysis.judge.bottlenecks.provider_limit import LIMIT
from analysis.judge.bottlenecks.repeats import REPEATS
from analysis.judge.bottlenecks.sender_api import API, REFUSES, STOPPED
from analysis.judge.bottlenecks.sender_process import CPU, LOOP
from analysis.judge.bottlenecks.sender_queue import CONCURRENCY, HOLD, PACING, RATE
from analysis.judge.bottlenecks.sender_store import STORE
from analysis.judge.bottlenecks.symptoms import Symptoms, symptoms
from analysis.judge.bottlenecks.unforwarded import GAVE_UP, UNFORWARDED
from analysis.judge.bottlenecks.view import BottleneckInputs, View
from analysis.measure.throughput import REFUSED_SHARE

# In the order of causes: with equal weight, the earlier one is named first.
KINDS: tuple[Kind, ...] = (
    *(GENERATOR, MOCK, UNFORWARDED, REPEATS, GAVE_UP, CPU, LOOP, STORE, LIMIT, CARRIER, NETWORK, MACHINE),
    *(STOPPED, FAULT, RATE, PACING, CONCURRENCY, API, REFUSES, HOLD),
)
# From this strength in a window, a kind explains its consequences there.
_EXPLAINS_FROM = 0.5
# A kind that is seen in a smaller share of the windows with a symptom is left out.
_LEAST_SHARE = 0.15


def find_bottlenecks(given: BottleneckInputs) -> tuple[Bottleneck, ...]:
    """The bottlenecks in order of weight. If messages were not taken, a network that is slow or loses them is
    the last one, since it keeps no message from being taken.

    Empty without a symptom; one ``unknown`` for symptoms without evidence.
    """
    view = View(given)
    if view.journeys.count == 0:
        return ()
    found = symptoms(view)
    if not found.windows.any():
        return ()
    seen = {kind.kind: kind.find(view) for kind in KINDS}
    strengths = _without_explained(seen, found.windows)
    weighted = [
        (float(strengths[kind.kind][found.windows].mean()), -place)
        for place, kind in enumerate(KINDS)
        if np.count_nonzero(strengths[kind.kind]) >= _fewest(kind, found.windows)
    ]
    weighted.sort(reverse=True)
    bottlenecks = []
    for _, place in weighted:
        name = KINDS[-place].kind
        windows: Bools = strengths[name] > 0
        bottlenecks.append(_bottleneck(view, name, seen[name].describe(windows), windows))
    if np.count_nonzero(view.not_taken) > REFUSED_SHARE * view.journeys.count:
        bottlenecks.sort(key=acts_after_acceptance)
    return tuple(bottlenecks) or (_unknown(view, found),)


def _fewest(kind: Kind, symptoms: Bools) -> float:
    """The number of windows in which a kind must be seen. One window is enough for a kind that is a fact."""
    facts = (UNFORWARDED, GAVE_UP, REPEATS, STOPPED)
    return 1.0 if kind in facts else max(1.0, _LEAST_SHARE * np.count_nonzero(symptoms))


def _without_explained(
    seen: dict[BottleneckKind, KindFinding], windows: Bools
) -> dict[BottleneckKind, Floats]:
    strengths = {name: np.where(windows, each.strength, 0.0) for name, each in seen.items()}
    for kind in KINDS:
        clear = strengths[kind.kind] >= _EXPLAINS_FROM
        for explained in kind.explains:
            strengths[explained] = np.where(clear, 0.0, strengths[explained])
    return strengths


def _bottleneck(view: View, name: BottleneckKind, described: Description, windows: Bools) -> Bottleneck:
    edges = view.windows.edges_s
    places = np.flatnonzero(windows)
    return Bottleneck(
        kind=name,
        text=described.text,
        evidence=described.evidence,
        from_s=float(edges[places[0]]),
        to_s=float(edges[places[-1] + 1]),
        share_of_load=len(places) / view.windows.count,
        signs=described.signs,
        refusal=described.refusal,
        subject=described.subject,
        counts=described.counts,
    )


def _unknown(view: View, found: Symptoms) -> Bottleneck:
    evidence = found.texts or ("there is a symptom",)
    what = "there is a symptom, and no sample or stage shows the cause"
    if found.stage:
        what = f"messages waited {found.stage}, and no sample shows why"
    elif found.only_growth:
        what = "the backlog grew, and no sample or stage shows the cause"
    described = Description(f"unknown: {what}", evidence)
    return _bottleneck(view, "unknown", described, found.windows)
