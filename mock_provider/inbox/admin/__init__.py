"""The admin API under ``/admin``, and ``/metrics``: read and change a running provider."""

from mock_provider.inbox.admin.api import METRICS_PATH, Admin

__all__ = ["METRICS_PATH", "Admin"]
