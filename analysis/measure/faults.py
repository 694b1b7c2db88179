"""The faults of the provider during the run, and how many messages each affected."""

from __future__ import annotations

import math

import msgspec

from analysis.fault_effects import effect_of
from analysis.findings import FaultBand
from analysis.formatting import count_text, fault_text
from analysis.measure.backlog_after_outage import backlog_after, waits
from analysis.measure.outcomes import MessageOutcomes
from analysis.model import PartReport
from analysis.read.journeys import Journeys
from analysis.records import Manifest

CHOSEN_BY_NUMBER = "magic"
_OUTAGES = ("outage", "outage_of_a_host")
_MOST_NAMED = 8
_CHOSEN_WORDS = "an outcome that the recipient's number selects"


def fault_bands(manifest: Manifest, journeys: Journeys, outcomes: MessageOutcomes) -> tuple[FaultBand, ...]:
    """The manifest's windows in order, then faults that only the journal names, without times."""
    touched = dict(journeys.provider.faults)
    origin_ns = journeys.origin_ns
    bands = [
        FaultBand(
            name=span.name,
            kind=span.kind,
            title=span.title,
            from_s=(span.start_ns - origin_ns) * 1e-9,
            to_s=None if span.end_ns is None else (span.end_ns - origin_ns) * 1e-9,
            messages=touched.get(span.name, 0),
            effect=effect_of(span.effect, span.name, span.kind, manifest.profile),
        )
        for span in manifest.faults
    ]
    bands = _with_backlogs(bands, journeys, outcomes)
    names = {band.name for band in bands}
    bands += [
        FaultBand(
            name=name,
            kind=name,
            title=_CHOSEN_WORDS if name == CHOSEN_BY_NUMBER else "",
            from_s=None,
            to_s=None,
            messages=count,
        )
        for name, count in touched.items()
        if name not in names
    ]
    return tuple(bands)


def _with_backlogs(bands: list[FaultBand], journeys: Journeys, outcomes: MessageOutcomes) -> list[FaultBand]:
    """The bands, with the sender's backlog after each outage that ended."""
    outages = [each for each in bands if each.effect in _OUTAGES]
    if not outages or not journeys.journal:
        return bands
    messages = waits(journeys, outcomes)
    found = []
    for band in bands:
        backlog = None
        if band.effect in _OUTAGES and band.from_s is not None and band.to_s is not None:
            starts = [each.from_s for each in outages if each.from_s is not None]
            next_s = min((each for each in starts if each > band.from_s), default=math.inf)
            backlog = backlog_after(messages, band.from_s, band.to_s, journeys.end_s, next_s)
        found.append(msgspec.structs.replace(band, backlog=backlog))
    return found


def injected_fault_notes(parts: tuple[PartReport, ...], suite: bool) -> list[str]:
    """For the first screen: the injected faults and their parts."""
    notes = []
    for part in parts:
        windows = [band for band in part.faults if band.from_s is not None]
        if not windows:
            continue
        names = list(dict.fromkeys(fault_text(band.name, band.kind, band.title) for band in windows))
        shown = ", ".join(names[:_MOST_NAMED])
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        touched = sum(band.messages for band in windows)
        where = f"Part: {part.identity.title}. Faults" if suite else "Faults"
        notes.append(
            f"{where} of the provider were injected in this run: {shown}{more} "
            f"({count_text(touched)} messages affected; a message counts once per fault). Figures and "
            "verdicts include their effect."
        )
    return notes
