"""For the tests of programs that send SMS: the provider in virtual time, and a real one in a thread.

``virtual`` needs no socket, ``running`` starts a real provider, ``fixtures`` is a pytest plugin.
docs/provider.md shows how to use them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mock_provider.testing.running import ProviderThread
    from mock_provider.testing.virtual import VirtualDriver, VirtualProvider, plain_profile

__all__ = ["ProviderThread", "VirtualDriver", "VirtualProvider", "plain_profile"]


def __getattr__(name: str) -> Any:
    """Import ``running`` at the first use of ``ProviderThread``: virtual time needs no HTTP server."""
    if name == "ProviderThread":
        from mock_provider.testing.running import ProviderThread

        return ProviderThread
    if name in __all__:
        from mock_provider.testing import virtual

        return getattr(virtual, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
