"""Checks that a run directory has a complete report with one verdict. Usage: check_report.py RUN_DIR."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

# The page may show an address (the target's); it may not load anything from one.
LOADED_FROM_OUTSIDE = re.compile(
    r"""(?:src|href)\s*=\s*["']?(?:https?:)?//|url\(["']?(?:https?:)?//|@import"""
)
PNG = b"\x89PNG\r\n\x1a\n"
# The exit codes of a bench with a verdict (docs/report.md). Any other code means that there is no verdict.
WORD_OF = {0: "YES", 1: "NO", 3: "INVALID", 4: "UNDECIDED"}


def faults(run_dir: Path) -> list[str]:
    report = run_dir / "report"
    wanted = ["index.html", "summary.json", "summary.md", "junit.xml", "result.json"]
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
    return found + verdict_faults(report, html)


def verdict_faults(report: Path, html: str) -> list[str]:
    """All report files must have the same verdict. A bench that failed has no such report."""
    summary = json.loads((report / "summary.json").read_text())
    code = json.loads((report / "result.json").read_text())["exit_code"]
    screen = summary["first_screen"]
    found = []
    if summary["exit_code"] != code:
        found.append(f"exit code {code} in result.json, {summary['exit_code']} in summary.json")
    if WORD_OF.get(code) != screen["word"]:
        found.append(f"exit code {code}, and the first screen says {screen['word']}")
    if f">{screen['word']}</p>" not in html:
        found.append(f"index.html does not say {screen['word']}")
    found += [note for note in screen["notes"] if "contradicts itself" in note]
    cases = {case.get("name") for case in ElementTree.parse(report / "junit.xml").iter("testcase")}
    missing = {each["name"] for each in summary["objectives"]} - cases
    found += [f"junit.xml lacks {name}" for name in sorted(missing)]
    return found


if __name__ == "__main__":
    wrong = faults(Path(sys.argv[1]))
    print("\n".join(wrong) if wrong else f"{sys.argv[1]}/report is whole")
    sys.exit(1 if wrong else 0)
