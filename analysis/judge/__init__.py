"""Figures in, verdicts out: objectives, validity checks, what gave way."""
