"""A sender of a user's own with a known fault: it drops every second message, delays each by a constant time,
or has two workers that a refusal stops. It cuts some phone numbers, which the provider refuses. A worker then
repeats the message without end, or ends. Or it repeats a message if the answer takes over ``_TIMEOUT_S``.

It answers at once. It is a process of its own and needs a few percent of a core. A process that needs more is
without a core while other tests run, and the report then names the machine, which is true.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
from aiohttp import web

_CUT_NUMBERS = (60, 120)  # of the messages; one for each worker
_REPEAT_S = 0.4
_TIMEOUT_S = 0.3


@contextmanager
def foreign_sender(
    port: int, provider_port: int, delay_s: float, drops: bool, refused: str = "", impatient: bool = False
) -> Iterator[None]:
    """The sender as a process, from when it listens. ``refused``: what its workers do then."""
    arguments = [*map(str, (port, provider_port, delay_s)), *(["--drops"] if drops else [])]
    arguments += ["--refused", refused] if refused else []
    arguments += ["--impatient"] if impatient else []
    process = subprocess.Popen(
        [sys.executable, __file__, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        yield
    finally:
        process.terminate()
        process.communicate(timeout=30)


async def _serve(
    port: int, provider_port: int, delay_s: float, drops: bool, refused: str, impatient: bool
) -> None:
    numbers, forwarding = itertools.count(), set[asyncio.Task[None]]()
    queue = asyncio.Queue[dict[str, str]]()
    headers = {"Authorization": "Bearer naive"}
    async with aiohttp.ClientSession(f"http://127.0.0.1:{provider_port}", headers=headers) as session:

        async def forward(message: dict[str, str]) -> bool:
            """Whether the provider accepted it."""
            form = {"to": message["to"], "message": message["text"], "idx": message["reference"]}
            async with session.post("/sms.do", data={**form, "encoding": "utf-8", "format": "json"}) as reply:
                return "error" not in await reply.json(content_type=None)

        async def later(message: dict[str, str]) -> None:
            await asyncio.sleep(delay_s)
            try:
                async with asyncio.timeout(_TIMEOUT_S if impatient else None):
                    await forward(message)
            except TimeoutError:
                await forward(message)

        async def worker() -> None:
            while True:
                message = await queue.get()
                while not await forward(message):
                    if refused == "ends":
                        return
                    await asyncio.sleep(_REPEAT_S)

        async def send(request: web.Request) -> web.Response:
            message = await request.json()
            if refused:
                cut = next(numbers) in _CUT_NUMBERS
                await queue.put({**message, "to": message["to"][:4] if cut else message["to"]})
            elif not (drops and next(numbers) % 2):
                task = asyncio.create_task(later(message))
                forwarding.add(task)
                task.add_done_callback(forwarding.discard)
            return web.json_response({"id": message["reference"]})

        workers = [asyncio.create_task(worker()) for _ in _CUT_NUMBERS]
        app = web.Application()
        app.router.add_post("/send", send)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, backlog=128).start()
        print("ready", flush=True)
        await asyncio.gather(asyncio.Event().wait(), *workers)


def _main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("port", type=int)
    options.add_argument("provider_port", type=int)
    options.add_argument("delay_s", type=float)
    options.add_argument("--drops", action="store_true")
    options.add_argument("--refused", choices=("repeats", "ends"), default="")
    options.add_argument("--impatient", action="store_true")
    asyncio.run(_serve(**vars(options.parse_args())))


if __name__ == "__main__":
    _main()
