"""Differences between two parts or two groups of messages, with intervals."""
