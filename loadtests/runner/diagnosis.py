"""Why (nearly) no message of a load was accepted: one line that says what to check."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from analysis.records import LOAD_SCHEMA, read_manifest, read_rows
from loadtests.targets import Target, address_of

_FEW = 0.05  # of all arrivals: a smaller share accepted means a wrong set-up, not a measurement


def why_nothing_was_accepted(run_dir: Path, target: Target | None) -> str | None:
    """The most frequent outcome and what to check. None without arrivals, or if 5 % were accepted."""
    outcomes: Counter[tuple[str, int]] = Counter()
    for place in read_manifest(run_dir).parts or (".",):
        rows = read_rows(run_dir / place / "load.arrow", LOAD_SCHEMA)
        outcomes.update(
            zip(rows.column("outcome").to_pylist(), rows.column("status").to_pylist(), strict=True)
        )
    total = outcomes.total()
    accepted = sum(count for (outcome, _), count in outcomes.items() if outcome == "accepted")
    if not total or accepted >= _FEW * total:
        return None
    (outcome, status), _ = max(
        (item for item in outcomes.items() if item[0][0] != "accepted"), key=lambda item: item[1]
    )
    alike = sum(count for (name, _), count in outcomes.items() if name == outcome)
    answer = f", most often with HTTP {status}" if status else ""
    return f"{alike:,} of {total:,} {outcome}{answer}; {_where_to_look(outcome, status, target)}"


def _where_to_look(outcome: str, status: int, target: Target | None) -> str:
    if target is None:
        return "see logs/sender.log in the run directory"
    if outcome != "refused":
        return f"check that your sender answers at {address_of(target.request.url)}"
    if status >= 500:
        return (
            "see the log of your sender first; then check that it reaches the mock provider at "
            f"{target.provider.address}"
        )
    if status >= 400:
        return "check that [request] of the target file is what your sender expects"
    return "check that [accepted] of the target file describes your sender's reply"
