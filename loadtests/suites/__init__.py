"""A scenario from start to report: its live parts, its simulated parts beside them, its capacity search."""
