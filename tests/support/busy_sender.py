"""``examples/naive_sender.py``, which also computes for each message.

python tests/support/busy_sender.py --port PORT --provider URL
"""

from __future__ import annotations

import importlib
import sys
import time
from pathlib import Path
from typing import Any

from aiohttp import web

WORK_S = 0.03  # of processor time for each message: at most 33 messages/s in one thread
EXAMPLES = Path(__file__).parents[2] / "examples"


def work() -> None:
    until_s = time.thread_time() + WORK_S
    while time.thread_time() < until_s:
        pass


def main() -> None:
    sys.path.insert(0, str(EXAMPLES))
    naive: Any = importlib.import_module("naive_sender")
    send = naive.NaiveSender.send

    async def send_after_work(sender: object, request: web.Request) -> web.Response:
        work()
        answer: web.Response = await send(sender, request)
        return answer

    naive.NaiveSender.send = send_after_work
    naive.main()


if __name__ == "__main__":
    main()
