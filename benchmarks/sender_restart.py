"""How long a sender with many open messages takes to start, from the process to the ready line.

    .venv/bin/python benchmarks/sender_restart.py [--open N] [--held N] [--sent N] [--runs N]

The store has ``--open`` messages. A provider accepted the first ``--sent`` of them and has not reported them;
the others are queued. Of the queued ones ``--held`` are scheduled for the next day, and a part of the others
belongs to a paused campaign. Prints one line of JSON: the seconds of each start on that store (``start_s``)
and on an empty one (``empty_s``), alternately, the ratio of their medians, and the seconds until every
message was read (``all_read_s``). Exit code 1: the median start takes longer than ``--limit-s``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from msgspec.structs import replace
from processes import server
from sender_processes import TOKEN, state

from reference_sender.dispatch.values import Change, Lane, Message, State
from reference_sender.policy.campaigns import CampaignChange, CampaignState
from reference_sender.store import Work, open_store

_MESSAGES_PER_COMMIT = 10_000
_DAY_NS = 86_400_000_000_000


def fill(url: str, count: int, held: int, sent: int) -> None:
    """Store ``count`` open messages."""
    now_ns = time.time_ns()
    made = (
        Message(
            number,
            f"4f2a-{number:07d}",
            f"48{500_000_000 + number}",
            "Your parcel is on its way",
            Lane.MARKETING,
            "Shop",
            "paused" if number % 10 == 0 else "may",
            1,
            now_ns,
            now_ns + 2 * _DAY_NS,
        )
        for number in range(1, count + 1)
    )
    with closing(open_store(url)) as store:
        store.commit(Work(controls=[CampaignChange("paused", CampaignState.PAUSED)]))
        batch: list[Message] = []
        for message in made:
            scheduled = sent < message.message_id <= sent + held
            batch.append(replace(message, not_before_ns=now_ns + _DAY_NS) if scheduled else message)
            if len(batch) == _MESSAGES_PER_COMMIT:
                store.commit(Work(batch, _accepted(batch, sent)))
                batch = []
        store.commit(Work(batch, _accepted(batch, sent)))


def _accepted(messages: list[Message], sent: int) -> list[Change]:
    return [
        Change(m.message_id, m.key, State.SENT, "", f"{m.message_id:032x}", 1, m.created_ns, "smsapi")
        for m in messages
        if m.message_id <= sent
    ]


def start_s(url: str) -> tuple[float, float]:
    """Seconds until the ready line, and until all messages are read. The route leads nowhere, so they stay
    open.
    """
    began_s = time.perf_counter()
    command = ("-m", "reference_sender", "--token", TOKEN, "--store", url)
    with server(None, *command, "--route", "smsapi+http://token@127.0.0.1:1") as sender:
        took_s = time.perf_counter() - began_s
        while state(sender.url)["gauges"]["unread"]:
            time.sleep(0.05)
        return took_s, time.perf_counter() - began_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--open", type=int, default=490_000)
    parser.add_argument("--held", type=int, default=100_000)
    parser.add_argument("--sent", type=int, default=0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--limit-s", type=float, default=5.0, help="longest median start")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        url = f"sqlite:///{Path(directory)}/s.db"
        fill(url, arguments.open, arguments.held, arguments.sent)
        empty_url = f"sqlite:///{Path(directory)}/empty.db"
        runs = [(*start_s(url), *start_s(empty_url)) for _ in range(arguments.runs)]
    starts, read, empty, _ = ([round(seconds, 2) for seconds in each] for each in zip(*runs, strict=True))
    counts = {"open": arguments.open, "held": arguments.held, "sent": arguments.sent}
    ratio = round(statistics.median(starts) / statistics.median(empty), 2)
    print(json.dumps(counts | {"start_s": starts, "empty_s": empty, "ratio": ratio, "all_read_s": read}))
    sys.exit(0 if statistics.median(starts) <= arguments.limit_s else 1)


if __name__ == "__main__":
    main()
