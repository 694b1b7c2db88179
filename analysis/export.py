"""The joined rows of a run as one file for each part: CSV or Parquet, for other programs."""

from __future__ import annotations

from pathlib import Path

from analysis.measure.frames import read_frames
from analysis.records import read_manifest
from analysis.render.data import spreadsheet_safe

# Columns with free text. The others have fixed lists of names.
_FREE_TEXTS = ("key", "message_class", "campaign", "carrier", "fault")


def write_messages(run_dir: Path, kind: str) -> list[Path]:
    """Write ``report/messages.<kind>``; for a suite ``report/<part>-messages.<kind>`` for each part.

    ``kind`` is ``csv`` or ``parquet``. Raises ``ValueError`` if the run directory is malformed.
    """
    manifest = read_manifest(run_dir)
    parts = {f"{Path(part).name}-": run_dir / part for part in manifest.parts} or {"": run_dir}
    written = []
    for prefix, part_dir in parts.items():
        path = run_dir / "report" / f"{prefix}messages.{kind}"
        messages = read_frames(part_dir).messages
        if kind == "parquet":
            messages.to_parquet(path, index=False)
        else:
            for name in _FREE_TEXTS:
                messages[name] = messages[name].astype(object).map(spreadsheet_safe, na_action="ignore")
            messages.to_csv(path, index=False)
        written.append(path)
    return written
