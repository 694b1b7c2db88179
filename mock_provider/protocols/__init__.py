"""Protocols: one package a protocol, each a pure translation between HTTP and the engine's values."""
