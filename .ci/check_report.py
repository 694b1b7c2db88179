"""Checks that a run directory holds a whole, plausible report. Usage: check_report.py RUN_DIR."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

# The page may name an address (the target's); it may not load anything from one.
LOADED_FROM_OUTSIDE = re.compile(
    r"""(?:src|href)\s*=\s*["']?(?:https?:)?//|url\(["']?(?:https?:)?//|@import"""
)
PNG = b"\x89PNG\r\n\x1a\n"


def faults(run_dir: Path) -> list[str]:
    report = run_dir / "report"
    wanted = ["index.html", "summary.json", "summary.md", "junit.xml"]
    found = [f"report/{name} is missing" for name in wanted if not (report / name).is_file()]
    if found:
        return found
    html = (report / "index.html").read_text()
    if LOADED_FROM_OUTSIDE.search(html):
        found.append("index.html is not self-contained")
    pictures = list(report.glob("*.png"))
    if len(pictures) < 4:
        found.append(f"only {len(pictures)} pictures")
    found += [f"{path.name} is no PNG" for path in pictures if path.read_bytes()[:8] != PNG]
    if not json.loads((report / "summary.json").read_text()):
        found.append("summary.json is empty")
    return found


if __name__ == "__main__":
    wrong = faults(Path(sys.argv[1]))
    print("\n".join(wrong) if wrong else f"{sys.argv[1]}/report is whole")
    sys.exit(1 if wrong else 0)
