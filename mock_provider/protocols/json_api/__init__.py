"""A plain JSON API for senders of one's own (docs/generic-api.md), described at ``/openapi.json``."""

from mock_provider.protocols.json_api.protocol import JsonApi, start

__all__ = ["JsonApi", "start"]
