"""Figures in, verdicts out: objectives, validity checks, bottlenecks."""
