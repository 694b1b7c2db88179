"""A store that was restored from a backup, beside a provider that has what was sent since then."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from running_sender import running_sender, until_true
from wire_provider import ADMIN_TOKEN, TOKEN

from mock_provider.app import ProviderConfig
from mock_provider.profiles import load_profile
from mock_provider.testing.running import ProviderThread


def test_new_messages_are_no_repeats_of_those_sent_since_the_backup(tmp_path: Path) -> None:
    store, backup = tmp_path / "s.db", tmp_path / "backup.db"

    async def sent_to(number: str, route: str) -> tuple[str, str]:
        """The id and the provider's id of a message without a key, from a new process."""
        async with running_sender(f"sqlite:///{store}", (route,)) as sender:
            fields = {"to": number, "text": "Hi", "message_class": "transactional"}
            answer = await sender.ok("POST", "/v1/messages", fields)
            path = f"/v1/messages/{answer['id']}"

            async def is_sent() -> bool:
                return (await sender.ok("GET", path))["state"] in ("sent", "delivered")

            await until_true(is_sent)
            return answer["id"], (await sender.ok("GET", path))["provider_id"]

    async def live(provider: ProviderThread) -> None:
        route = f"smsapi+http://{TOKEN}@{provider.url.removeprefix('http://')}"
        async with running_sender(f"sqlite:///{store}", (route,)):
            pass
        shutil.copy(store, backup)
        before = await sent_to("48500100200", route)
        for file in tmp_path.glob("s.db*"):
            file.unlink()
        shutil.copy(backup, store)
        after = await sent_to("48500100201", route)
        assert before[0] == after[0], "ids come again"
        assert None not in (before[1], after[1]), "each was accepted, under its own id"
        assert before[1] != after[1]

    config = ProviderConfig(load_profile("fast"), token=TOKEN, admin_token=ADMIN_TOKEN, stop_grace_s=0.5)
    with ProviderThread(config) as provider:
        asyncio.run(live(provider))
