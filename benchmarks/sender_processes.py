"""What the sender's benchmarks share: a provider and a sender as processes on their cores."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from processes import ROOT, ServerProcess, server

SENDER_CORE, OTHERS_CORE = 0, 1
TOKEN = "bench"
UNLIMITED = "segments_per_s=1000000&requests_per_s=10000"


def provider_command(journal: Path | None = None) -> tuple[str, ...]:
    """A provider with the profile fast."""
    kept = () if journal is None else ("--journal", str(journal))
    return ("-m", "mock_provider", "--profile", "fast", "--token", TOKEN, *kept)


def sender_command(provider: ServerProcess, store: str, limits: str, *more: str) -> tuple[str, ...]:
    """``limits`` is the query of the route."""
    route = f"smsapi+http://{TOKEN}@127.0.0.1:{provider.port}?{limits}"
    return ("-m", "reference_sender", "--token", TOKEN, "--store", store, "--route", route, *more)


@contextmanager
def provider_and_sender(
    directory: Path,
    *more: str,
    limits: str = UNLIMITED,
    journal: Path | None = None,
    cores: tuple[int | None, int | None] = (OTHERS_CORE, SENDER_CORE),
    root: Path = ROOT,
) -> Iterator[tuple[ServerProcess, ServerProcess]]:
    """A provider with the profile fast, and a sender with its store in ``directory``.

    ``more`` are options of the sender, and ``root`` is its checkout.
    """
    with ExitStack() as servers:
        provider = servers.enter_context(server(cores[0], *provider_command(journal)))
        command = sender_command(provider, f"sqlite:///{directory}/sender.db", limits, *more)
        yield provider, servers.enter_context(server(cores[1], *command, root=root))


def state(url: str) -> dict[str, Any]:
    """``GET /v1/state`` of the sender."""
    request = urllib.request.Request(f"{url}/v1/state", headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        found = json.load(answer)
    assert isinstance(found, dict)
    return found
