"""Why requests got no reply from the sender's API, by the errors that the load generator recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

import numpy as np

from analysis.arrays import Bools
from analysis.formatting import count_text
from analysis.judge.bottlenecks.view import View
from analysis.measure.silence import WAITED_ERRORS
from analysis.read.columns import ABSENT
from analysis.read.journeys import OUTCOMES

CONNECTION_REFUSED = "connection refused"
# Errors of ``load.arrow`` that are the end of a connection.
_CONNECTIONS = {
    CONNECTION_REFUSED: "refused",
    "connection reset": "reset",
    "closed by the target": "closed before an answer",
}
_NOT_CONNECTED = (*_CONNECTIONS, "connect timeout")
_MOST_ERRORS = 3


def what_failed(view: View, chosen: Bools, to_the_end: bool = True) -> str:
    """``each connection was refused: nothing listens at 127.0.0.1:8080``, of messages that were not answered.

    "" if most of them waited for an answer, or if the errors are not known. Not ``to_the_end``: later
    messages were answered, so that something listens there now.
    """
    failed: Bools = chosen & (view.load.outcome == OUTCOMES.index("failed"))
    errors, total = _errors(view, failed), int(np.count_nonzero(failed))
    name, count = next(iter(_most_frequent(errors).items()), ("", 0))
    if not name or name in WAITED_ERRORS or 2 * count <= total:
        return ""
    each = count == total
    shares = f"{count_text(count)} of {count_text(total)}"
    if name in _CONNECTIONS:
        address = _address(view.given.target)
        why = ""
        if name == CONNECTION_REFUSED and address and to_the_end:
            why = f": nothing listens at {address}"
        who = "each connection was" if each else f"{shares} connections were"
        return f"{who} {_CONNECTIONS[name]}{why}"
    return f"{'each request' if each else f'{shares} requests'} failed with {name}"


def nothing_listens(view: View) -> bool:
    """Whether ``what_failed`` says of all messages that no process listens at the address of the target."""
    failed: Bools = view.load.outcome == OUTCOMES.index("failed")
    name, count = next(iter(_most_frequent(_errors(view, failed)).items()), ("", 0))
    refused = name == CONNECTION_REFUSED and 2 * count > int(np.count_nonzero(failed))
    return refused and bool(_address(view.given.target))


def was_reached(view: View, chosen: Bools) -> bool:
    """Whether most of these messages failed for another reason than their connection, as far as is known."""
    errors = _errors(view, chosen)
    others = sum(count for name, count in errors.items() if name not in _NOT_CONNECTED)
    return 2 * others > sum(errors.values())


def error_names(view: View) -> tuple[str, ...]:
    """``connection reset``, ``timeout``, the most frequent first; empty if not known."""
    return tuple(_most_frequent(_errors(view, view.not_taken)))


def failed_counts(view: View) -> list[str]:
    """``300 failed with connection refused``, the most frequent first; ``12 timed out``."""
    failed: Bools = (view.load.outcome == OUTCOMES.index("failed")) & view.not_taken
    count = int(np.count_nonzero(failed))
    shown = _most_frequent(_errors(view, failed))
    found = [
        f"{count_text(number)} {'timed out' if name == 'timeout' else f'failed with {name}'}"
        for name, number in shown.items()
    ]
    others = count - sum(shown.values())
    if others:
        found.append(f"{count_text(others)} failed {'in another way' if found else 'or timed out'}")
    return found


def with_errors(view: View, names: Collection[str]) -> Bools:
    """The messages whose request ended with one of these errors."""
    chosen = [place for place, name in enumerate(view.load.error_names) if name in names]
    found: Bools = np.isin(view.load.error, chosen)
    return found


def _errors(view: View, chosen: Bools) -> Counter[str]:
    named, counts = np.unique(view.load.error[chosen], return_counts=True)
    return Counter(
        {
            view.load.error_names[place]: int(number)
            for place, number in zip(named.tolist(), counts.tolist(), strict=True)
            if place != ABSENT
        }
    )


def _most_frequent(errors: Counter[str]) -> dict[str, int]:
    """The most frequent errors, in this order."""
    order = sorted(errors.items(), key=lambda item: (-item[1], item[0]))
    return dict(order[:_MOST_ERRORS])


def _address(target: Mapping[str, object]) -> str:
    """``127.0.0.1:8080``; "" if the target has no URL."""
    return urlsplit(str(target.get("url") or "")).netloc
