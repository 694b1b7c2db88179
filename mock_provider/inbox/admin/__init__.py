"""The admin API under ``/admin``: look at a running provider, and change how it behaves."""

from mock_provider.inbox.admin.api import Admin

__all__ = ["Admin"]
