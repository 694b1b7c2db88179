"""A plain JSON API for senders of one's own (docs/generic-api.md), described at ``/openapi.json``."""

from mock_provider.wire.generic.wire import Generic

__all__ = ["Generic"]
