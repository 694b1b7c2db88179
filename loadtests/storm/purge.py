"""One step of a purge in a storm."""

from __future__ import annotations

from collections.abc import Sequence

from loadtests.storm.disk import Disk
from loadtests.storm.store import ModelStore
from reference_sender.store.protocol import Record, StoreError

PURGE_NS = 50_000_000  # between two steps
_PAGE = 3  # messages that a step looks at


def purge_step(
    store: ModelStore, disk: Disk, before_ns: int, after_id: int
) -> tuple[Sequence[Record], int | None]:
    """What it removed, and after which id the next step begins; None: the pass is complete, or the disk is
    full.
    """
    page = store.records(after_id, _PAGE)
    try:
        step = store.purge(before_ns, after_id, _PAGE)
    except StoreError:
        return (), None
    return [record for record in page if record.message.message_id not in disk.messages], step.last_id
