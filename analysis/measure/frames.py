"""The rows of a run as pandas DataFrames, for notebooks and for the export (docs/run-directory.md).

No other module imports this one at start-up, since pandas takes most of a second to load.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from analysis import records
from analysis.arrays import Ints
from analysis.measure.outcomes import DELIVERED, MESSAGE_OUTCOMES, given_up, judge
from analysis.read.journeys import (
    OUTCOMES,
    SENDER_STATES,
    Journeys,
    MalformedRunError,
    load_rows,
    read_journeys,
)
from analysis.read.journeys import rows as read_rows
from analysis.read.provider_rows import PROVIDER_STATES

# Nullable, since an instant may be absent. A float would lose nanoseconds on a machine with a long uptime.
_NULLABLE = {pa.int64(): pd.Int64Dtype(), pa.int32(): pd.Int32Dtype(), pa.bool_(): pd.BooleanDtype()}


@dataclass(frozen=True)
class RunFrames:
    """The four tables as they were written, and ``messages``: one row for each arrival, joined by key."""

    load: pd.DataFrame
    provider: pd.DataFrame
    sender: pd.DataFrame
    samples: pd.DataFrame
    messages: pd.DataFrame


def read_frames(run_dir: Path) -> RunFrames:
    """Raises ``ValueError`` if ``run_dir`` is a suite, is not a run directory, or has a malformed file."""
    manifest = records.read_manifest(run_dir)
    if manifest.kind == "suite":
        parts = ", ".join(str(run_dir / part) for part in manifest.parts)
        raise MalformedRunError(f"{run_dir} is a suite: read the tables of one part: {parts}")
    load = load_rows(run_dir)
    return RunFrames(
        load=_frame(load),
        provider=_frame(read_rows(run_dir / "provider.arrow", records.PROVIDER_SCHEMA)),
        sender=_frame(read_rows(run_dir / "sender.arrow", records.SENDER_SCHEMA)),
        samples=_frame(read_rows(run_dir / "samples.arrow", records.SAMPLES_SCHEMA)),
        messages=_messages(load, read_journeys(run_dir, manifest)),
    )


def _frame(table: pa.Table) -> pd.DataFrame:
    found: pd.DataFrame = table.to_pandas(types_mapper=_NULLABLE.get)
    return found


def _messages(load: pa.Table, journeys: Journeys) -> pd.DataFrame:
    """Join and final states are the same as in the report."""
    sent, provider, sender = journeys.load, journeys.provider, journeys.sender
    outcomes = judge(journeys)
    delivered = outcomes.outcome == DELIVERED
    named = load.select(["key", "message_class", "campaign", "worker"])
    columns = {
        "outcome": _named(sent.outcome, OUTCOMES),
        "status": sent.status,
        "final_state": _named(outcomes.outcome, MESSAGE_OUTCOMES),
        "delivery_s": np.where(delivered, provider.final_s - sent.intended_s, np.nan),
        "intended_s": sent.intended_s,
        "sent_s": sent.sent_s,
        "replied_s": sent.replied_s,
        "submitted_s": provider.submitted_s,
        "accepted_s": provider.accepted_s,
        "answered_s": provider.answered_s,
        "carrier_s": provider.carrier_s,
        "final_s": provider.final_s,
        "reported_s": provider.reported_s,
        "confirmed_s": provider.confirmed_s,
        "provider_state": _named(provider.state, PROVIDER_STATES),
        "sender_state": _named(sender.state, SENDER_STATES),
        "carrier": _named(provider.carrier.index, provider.carrier.names),
        "fault": _named(provider.fault.index, provider.fault.names),
        "unreachable": provider.unreachable,
        "unaccounted": outcomes.unaccounted,
        "given_up": given_up(journeys, outcomes),
        "segments": provider.segments,
        "submits": provider.submits,
        "accepts": provider.accepts,
        "price": provider.price,
    }
    return pd.concat([_frame(named), pd.DataFrame(columns)], axis="columns")


def _named(index: Ints, names: tuple[str, ...]) -> pd.Categorical[str]:
    """-1 is NA."""
    return pd.Categorical.from_codes(index, categories=pd.Index(names, dtype="str"))
