"""Exchanges that pass values without bytes: one module for each protocol that has one, with its name."""
