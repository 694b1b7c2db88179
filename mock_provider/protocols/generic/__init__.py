"""The generic JSON API, for users' own senders (docs/generic-api.md), described at ``/openapi.json``."""

from mock_provider.protocols.generic.protocol import GenericApi, start

__all__ = ["GenericApi", "start"]
