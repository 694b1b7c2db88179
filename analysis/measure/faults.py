"""The faults of the provider during the run, and how many messages each affected."""

from __future__ import annotations

from analysis.formatting import count_text, fault_words
from analysis.model import FaultBand, PartReport
from analysis.read.journeys import Journeys
from analysis.records import Manifest

CHOSEN_BY_NUMBER = "magic"
_MOST_NAMED = 8
_CHOSEN_WORDS = "an outcome that the recipient's number selects"


def fault_bands(manifest: Manifest, journeys: Journeys) -> tuple[FaultBand, ...]:
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
        )
        for span in manifest.faults
    ]
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


def injected_fault_notes(parts: tuple[PartReport, ...], suite: bool) -> list[str]:
    """For the first screen: the injected faults and their parts."""
    notes = []
    for part in parts:
        windows = [band for band in part.faults if band.from_s is not None]
        if not windows:
            continue
        names = list(dict.fromkeys(fault_words(band.name, band.kind, band.title) for band in windows))
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
