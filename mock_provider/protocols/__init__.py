"""Protocols: one package each, a pure translation between HTTP and the engine's values."""
