"""Alerts: limits on the sender's figures, without I/O. ``notices/`` reports what they find."""
