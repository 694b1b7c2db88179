"""A provider and a report receiver for tests over real sockets, each on a port of the system's choice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from report_receiver import ReportReceiver, receiving
from wire_provider import StartProvider, started

from mock_provider.testing import ProviderThread


@pytest.fixture
def start() -> Iterator[StartProvider]:
    """Start a provider of the profile ``fast`` with changes to its sections."""
    with ExitStack() as stack:

        def start_one(**sections: Any) -> ProviderThread:
            return stack.enter_context(started(**sections))

        yield start_one


@pytest.fixture
def provider(start: StartProvider) -> ProviderThread:
    """A provider without limits worth naming."""
    return start()


@pytest.fixture
def receiver() -> Iterator[ReportReceiver]:
    """A receiver of delivery reports."""
    with receiving() as one:
        yield one
