"""A pytest plugin: name it in the ``conftest.py`` of your test root.

    pytest_plugins = ["mock_provider.testing.fixtures"]

It needs pytest, which is not a dependency of the provider.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Protocol

import pytest

from mock_provider.app import ProviderConfig
from mock_provider.testing.running import ProviderThread, changed_profile


class StartSmsProvider(Protocol):
    def __call__(self, profile: str = "fast", **sections: Any) -> ProviderThread:
        """Start a provider with a ready-made profile or profile file, and changed sections of it."""


@pytest.fixture
def start_sms_provider() -> Iterator[StartSmsProvider]:
    """Start real providers, each in a thread; they are stopped after the test."""
    with ExitStack() as started:

        def start(profile: str = "fast", **sections: Any) -> ProviderThread:
            config = ProviderConfig(changed_profile(profile, **sections), stop_grace_s=0.5)
            return started.enter_context(ProviderThread(config))

        yield start


@pytest.fixture
def sms_provider(start_sms_provider: StartSmsProvider) -> ProviderThread:
    """A real provider with the profile ``fast``: no limits, almost no delays."""
    return start_sms_provider()
