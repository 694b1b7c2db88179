"""Tables of the split and of the hints."""

from __future__ import annotations

from analysis.figures import count_text, seconds_text
from analysis.model import PartReport
from analysis.objectives.words import quantile_text
from analysis.quantile import Quantile
from analysis.tables import Table


def delay_split(part: PartReport) -> Table:
    """Whose delay it is: each class's time, each share of it, and the time without that share."""
    rows: list[tuple[str, ...]] = []
    for split in part.delay_splits:
        whole = [_split_cell(each) for each in split.total[:3]]
        left_out = f", {count_text(split.left_out)} left out" if split.left_out else ""
        covered = f"{count_text(split.count)} messages{left_out}"
        rows.append((split.message_class, "delivery time", seconds_text(split.total_mean_s), *whole, covered))
        for share in split.shares:
            own = (share.p50_s, share.p95_s, share.p99_s)
            p95 = next((_split_cell(each) for each in share.without if each.percentile == 95.0), "-")
            cells = [seconds_text(each) for each in own]
            rows.append(("", share.name, seconds_text(share.mean_s), *cells, f"p95 without it {p95}"))
        network = next((_split_cell(each) for each in split.network_only if each.percentile == 95.0), "-")
        limit = f"most of the contract's: {split.limit}; " if split.limit else ""
        rows.append(("", "", "", "", "", "", f"{limit}p95 of the network alone {network}"))
    header = ("class", "share", "mean", "p50", "p95", "p99", "")
    return Table(header=header, rows=tuple(rows), numeric_from=2)


def _split_cell(quantile: Quantile) -> str:
    if quantile.state == "withheld":
        return f"needs {count_text(quantile.needed)}"
    return quantile_text(quantile)


def hints(part: PartReport) -> Table:
    rows = tuple((each.text, count_text(each.count)) for each in part.hints)
    return Table(header=("what the journal shows", "messages"), rows=rows)
