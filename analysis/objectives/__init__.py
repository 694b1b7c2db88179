"""Objectives: what a user asks of a sender, and whether a run shows that it is met (docs/objectives.md)."""
