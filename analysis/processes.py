"""Uses all cores for work on many parts of a suite."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import current_process, get_context, parent_process
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")


def spread(make: Callable[[Given], Made], given: Sequence[Given], a_process: int) -> Iterator[Made]:
    """``make`` of each value, in order, each as soon as it is there. All can be pickled.

    A process takes a second to start, so there is one for each core and for ``a_process`` values. If that is
    fewer than two, the values are made here; also in a worker of ``multiprocessing.Pool``, which may not
    start processes.
    """
    processes = min(os.cpu_count() or 1, len(given) // a_process)
    if processes < 2 or current_process().daemon:
        yield from map(make, given)
        return
    # Spawned, since a fork would lose pyarrow's threads and keep their locks forever.
    with ProcessPoolExecutor(
        processes, mp_context=get_context("spawn"), initializer=_end_with_parent
    ) as pool:
        yield from pool.map(make, given)


def _end_with_parent() -> None:
    """A process whose parent was killed would wait for work forever."""
    threading.Thread(target=_await_end_of_parent, daemon=True).start()


def _await_end_of_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
