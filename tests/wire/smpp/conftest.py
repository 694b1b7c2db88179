"""smpplib's client against the provider of conftest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from smpplib_client import Connect, Esme

from mock_provider.testing import ProviderThread


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Connect an ESME, unbound."""
    with ExitStack() as stack:

        def one(provider: ProviderThread) -> Esme:
            esme = Esme(provider)
            stack.callback(esme.close)
            return esme

        yield one
