"""A plain JSON API for users' own senders (docs/generic-api.md), described at ``/openapi.json``."""

from mock_provider.protocols.json_api.protocol import JsonApi, start

__all__ = ["JsonApi", "start"]
