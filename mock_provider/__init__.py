"""A simulated SMS provider: real protocols in front of a deterministic, sans-IO engine."""
