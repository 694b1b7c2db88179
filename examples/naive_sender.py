"""A simple sender as a first version often is. It cannot sustain a campaign: see README.md and docs/load.md.

    python examples/naive_sender.py
    smsbench run burst --target examples/naive-sender.toml

Each API request calls the provider once, for one message, and answers when the provider has answered. There
is no queue, no batch, no retry and no priority. It sustains pool size / provider latency: about 90 messages
per second at 55 ms per call. In a burst, messages wait until their callers give up.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os

import aiohttp
from aiohttp import web

POOL = 5  # connections to the provider
TIMEOUT_S = 60.0  # waiting for a connection of the pool counts


class NaiveSender:
    def __init__(self, provider: str, token: str, own_url: str) -> None:
        self._send_url = f"{provider.rstrip('/')}/sms.do"
        self._report_url = f"{own_url}/reports"
        self._headers = {"Authorization": f"Bearer {token}"}
        self._session: aiohttp.ClientSession | None = None

    async def connected(self, _: web.Application) -> None:
        connector = aiohttp.TCPConnector(limit=POOL)
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, headers=self._headers)

    async def disconnected(self, _: web.Application) -> None:
        assert self._session is not None
        await self._session.close()

    async def send(self, request: web.Request) -> web.Response:
        """``POST /send`` with ``to``, ``text`` and ``reference``: 200 if the provider accepted it."""
        message = await request.json()
        form = {
            "to": message["to"],
            "message": message["text"],
            "idx": message["reference"],
            "notify_url": self._report_url,
            "encoding": "utf-8",
            "format": "json",
        }
        assert self._session is not None
        try:
            async with self._session.post(self._send_url, data=form) as reply:
                answer = await reply.json(content_type=None)
        except (TimeoutError, aiohttp.ClientError) as error:
            return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=502)
        if "error" in answer:
            return web.json_response({"error": f"provider: {answer}"}, status=502)
        return web.json_response({"id": answer["list"][0]["id"]})

    async def report(self, request: web.Request) -> web.Response:
        """A delivery report. It is confirmed and not kept."""
        return web.Response(text="OK")


def application(provider: str, token: str, own_url: str) -> web.Application:
    sender = NaiveSender(provider, token, own_url)
    app = web.Application()
    app.on_startup.append(sender.connected)
    app.on_cleanup.append(sender.disconnected)
    app.router.add_post("/send", sender.send)
    app.router.add_route("*", "/reports", sender.report)
    return app


async def serve(provider: str, token: str, port: int) -> None:
    """Serve until it is stopped. Raises ``OSError`` if the port is in use."""
    own_url = f"http://127.0.0.1:{port}"
    runner = web.AppRunner(application(provider, token, own_url), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
        print(f"naive sender at {own_url}/send, provider {provider}", flush=True)
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def main() -> None:
    options = argparse.ArgumentParser(description="A sender that calls the provider once for each request.")
    options.add_argument("--port", type=int, default=8088)
    options.add_argument("--provider", default="http://127.0.0.1:9500", help="base URL of the provider")
    given = options.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(given.provider, os.environ.get("PROVIDER_TOKEN", "naive"), given.port))


if __name__ == "__main__":
    main()
