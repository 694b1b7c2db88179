"""Why (nearly) no message of a load was accepted: one line that says what to check."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from analysis.records import LOAD_SCHEMA, PROVIDER_SCHEMA, read_manifest, read_rows
from loadtests.targets import Target, address_of

_COLUMNS = ("key", "accepts", "reason")
_FEW = 0.05  # of all arrivals: a smaller share accepted means a wrong set-up, not a measurement


def why_nothing_was_accepted(run_dir: Path, target: Target | None) -> str | None:
    """The most frequent outcome and what to check. None without arrivals, or if 5 % were accepted."""
    outcomes: Counter[tuple[str, int]] = Counter()
    seen: Counter[str] = Counter()
    timed_out = 0
    for place in read_manifest(run_dir).parts or (".",):
        rows = read_rows(run_dir / place / "load.arrow", LOAD_SCHEMA)
        seen.update(_at_provider(run_dir / place, rows))
        timed_out += rows.column("error").to_pylist().count("timeout")
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
    if target is not None and outcome == "failed" and 2 * timed_out > total:
        limit = f"{target.request.timeout_s:g} s (timeout_s in [request] of the target file)"
        return f"{timed_out:,} of {total:,} had no answer within {limit}; {_slower(target, seen)}"
    alike = sum(count for (name, _), count in outcomes.items() if name == outcome)
    answer = f", most often with HTTP {status}" if status else ""
    return f"{alike:,} of {total:,} {outcome}{answer}; {_where_to_look(outcome, status, target, seen)}"


def _at_provider(part_dir: Path, arrivals: pa.Table) -> Counter[str]:
    """Of the messages that were not accepted, those that the provider has a row of: "" if it accepted them,
    otherwise the reason of its refusal.
    """
    refused = arrivals.filter(pc.not_equal(arrivals["outcome"], "accepted"))["key"]
    rows = read_rows(part_dir / "provider.arrow", PROVIDER_SCHEMA)
    rows = rows.filter(pc.is_in(rows["key"], value_set=refused.combine_chunks()))
    reasons: dict[str, str] = {}
    for key, accepts, reason in zip(*(rows[name].to_pylist() for name in _COLUMNS), strict=True):
        if reasons.get(key, "refused") != "":
            reasons[key] = "" if accepts else reason or "refused"
    return Counter(reasons.values())


def _slower(target: Target, seen: Counter[str]) -> str:
    if seen[""]:
        return f"the provider accepted {seen['']:,} of them: raise this limit if the answer may take longer"
    return (
        f"check that your sender answers at {address_of(target.request.url)}; raise this limit if the "
        "answer may take longer"
    )


def _where_to_look(outcome: str, status: int, target: Target | None, seen: Counter[str]) -> str:
    """``seen``: the messages that the provider saw, as ``_at_provider``."""
    if target is None:
        return "see logs/sender.log in the run directory"
    if seen[""]:
        return f"the provider accepted {seen['']:,} of them: check what your sender answers after a submit"
    if seen:
        ((reason, count),) = seen.most_common(1)
        return f"the provider refused {count:,} of them ({reason}): check what your sender submits"
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
