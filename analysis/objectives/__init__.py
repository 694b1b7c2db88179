"""Objectives: limits for a sender, in one grammar (docs/objectives.md)."""
