"""A mock SMS provider: real protocols in front of a deterministic, sans-IO engine.

    provider = await start_provider(ProviderConfig(load_profile("fast")))

starts one on the running event loop; ``mock_provider.testing`` has what tests need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mock_provider.app import ProviderConfig, RunningProvider, start_provider
    from mock_provider.profiles import load_profile

__all__ = ["ProviderConfig", "RunningProvider", "load_profile", "start_provider"]


def __getattr__(name: str) -> Any:
    """Import at first use: a program that needs only the engine does not load the HTTP server."""
    if name == "load_profile":
        from mock_provider.profiles import load_profile

        return load_profile
    if name in __all__:
        from mock_provider import app

        return getattr(app, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
