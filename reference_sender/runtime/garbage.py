"""Garbage collection of the sender's process."""

from __future__ import annotations

import gc


def collect_rarely() -> None:
    """Exclude long-lived objects from garbage collection, and collect rarely.

    The collector does not track messages, and reference counting frees the objects of a request. The load
    does the same (``loadtests/garbage.py``), and may not be imported here.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
