"""Settings of every property test."""

from __future__ import annotations

from hypothesis import settings

# No time limit for one example: the machine is shared, and its speed is no property of the code.
settings.register_profile("smsbench", deadline=None, print_blob=True)
settings.load_profile("smsbench")
