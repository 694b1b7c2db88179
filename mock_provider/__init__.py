"""A simulated SMS provider: real wires in front of a deterministic, sans-IO engine."""
