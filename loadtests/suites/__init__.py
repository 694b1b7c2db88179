"""Runs a scenario up to its report: live parts, simulated parts next to them, the capacity search."""
