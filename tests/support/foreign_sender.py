"""A sender of a user's own with a known fault: it drops every second message, or delays each by a constant
time.

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


@contextmanager
def foreign_sender(port: int, provider_port: int, delay_s: float, drops: bool) -> Iterator[None]:
    """The sender as a process, from when it listens."""
    arguments = [*map(str, (port, provider_port, delay_s)), *(["--drops"] if drops else [])]
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


async def _serve(port: int, provider_port: int, delay_s: float, drops: bool) -> None:
    numbers, forwarding = itertools.count(), set[asyncio.Task[None]]()
    headers = {"Authorization": "Bearer naive"}
    async with aiohttp.ClientSession(f"http://127.0.0.1:{provider_port}", headers=headers) as session:

        async def forward(message: dict[str, str]) -> None:
            await asyncio.sleep(delay_s)
            form = {"to": message["to"], "message": message["text"], "idx": message["reference"]}
            async with session.post("/sms.do", data={**form, "encoding": "utf-8", "format": "json"}) as reply:
                await reply.read()

        async def send(request: web.Request) -> web.Response:
            message = await request.json()
            if not (drops and next(numbers) % 2):
                task = asyncio.create_task(forward(message))
                forwarding.add(task)
                task.add_done_callback(forwarding.discard)
            return web.json_response({"id": message["reference"]})

        app = web.Application()
        app.router.add_post("/send", send)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, backlog=128).start()
        print("ready", flush=True)
        await asyncio.Event().wait()


def _main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("port", type=int)
    options.add_argument("provider_port", type=int)
    options.add_argument("delay_s", type=float)
    options.add_argument("--drops", action="store_true")
    asyncio.run(_serve(**vars(options.parse_args())))


if __name__ == "__main__":
    _main()
