"""The admin API under ``/admin``: read and change a running provider."""

from mock_provider.inbox.admin.api import Admin

__all__ = ["Admin"]
