"""Lengths of time in nanoseconds, the unit of all instants."""

US = 1_000
MS = 1_000_000
S = 1_000_000_000
LATER = 10**18  # after all that a test does: counts are read then
