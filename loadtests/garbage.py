"""Settings of Python's garbage collector. A collection stops every thread of the process for milliseconds."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


def collect_rarely() -> None:
    """Exclude the objects that exist now from garbage collection, and collect new ones rarely.

    The collector does not track messages, and reference counting frees the objects of a request. The sender
    does the same (``reference_sender/runtime/garbage.py``), and the load does not import its runtime.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@contextmanager
def collector_off() -> Iterator[None]:
    """Switch the garbage collector off, for work that makes no reference cycles."""
    was_on = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
        gc.unfreeze()
