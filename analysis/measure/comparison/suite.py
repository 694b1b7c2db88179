"""Compares the parts of a suite that their manifests name as counterparts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from analysis.findings import Comparison
from analysis.measure.comparison.campaigns import against_one
from analysis.measure.comparison.pairs import compare, read_compared_part
from analysis.model import PartReport
from analysis.records import Manifest

PartLocation = tuple[str, Path, Manifest]  # slug, run directory, its manifest
ComparisonKind = Literal["live_vs_simulated", "priorities_vs_fifo", "what_if"]


def comparisons(places: Sequence[PartLocation]) -> tuple[Comparison, ...]:
    """One for each part whose counterpart was run too and has common messages.

    Differences are part minus counterpart. Raises ``MalformedRunError``.
    """
    by_slug = {slug: (run_dir, manifest) for slug, run_dir, manifest in places}
    found = []
    for slug, run_dir, manifest in places:
        counterpart = manifest.scenario.counterpart
        if counterpart not in by_slug or counterpart == slug:
            continue
        classes = compare(read_compared_part(run_dir, manifest), read_compared_part(*by_slug[counterpart]))
        if not classes:
            continue
        other = by_slug[counterpart][1]
        found.append(
            Comparison(
                part=slug,
                counterpart=counterpart,
                kind=_kind(manifest, other),
                title=_title(manifest, other),
                classes=classes,
            )
        )
    return tuple(found)


def _kind(manifest: Manifest, other: Manifest) -> ComparisonKind:
    if manifest.mode != other.mode:
        return "live_vs_simulated"
    return "priorities_vs_fifo" if manifest.scenario.parameters.get("fifo") else "what_if"


def _title(manifest: Manifest, other: Manifest) -> str:
    if manifest.mode != other.mode:
        names = {"real": "live", "simulated": "simulated"}
        return f"{manifest.scenario.title}: {names[manifest.mode]} minus {names[other.mode]}"
    return f"{other.scenario.title}: {manifest.scenario.what_if or manifest.scenario.title} minus unchanged"


def with_campaign_alone(
    parts: tuple[PartReport, ...], places: Sequence[PartLocation]
) -> tuple[PartReport, ...]:
    """Compares parts with several campaigns with a part that has one campaign alone.

    Both have the same number of messages, mode (live or simulated) and profile. Raises ``MalformedRunError``.
    """
    by_slug = {slug: (run_dir, manifest) for slug, run_dir, manifest in places}
    found = []
    for part in parts:
        one = _alone(part, parts)
        if one is not None and part.fairness is not None:
            names = [each.name for each in part.fairness.campaigns]
            differences = against_one(names, by_slug[part.slug], by_slug[one.slug])
            compared = tuple(
                msgspec.structs.replace(each, alone=difference)
                for each, difference in zip(part.fairness.campaigns, differences, strict=True)
            )
            with_one = msgspec.structs.replace(part.fairness, campaigns=compared, alone_part=one.slug)
            part = msgspec.structs.replace(part, fairness=with_one)
        found.append(part)
    return tuple(found)


def _alone(part: PartReport, parts: tuple[PartReport, ...]) -> PartReport | None:
    if part.fairness is None or len(part.fairness.campaigns) < 2:
        return None
    messages = sum(each.messages for each in part.fairness.campaigns)
    for other in parts:
        if other.fairness is None or len(other.fairness.campaigns) != 1:
            continue
        alike = (other.identity.mode, other.identity.profile) == (part.identity.mode, part.identity.profile)
        if alike and not other.identity.what_if and other.fairness.campaigns[0].messages == messages:
            return other
    return None
