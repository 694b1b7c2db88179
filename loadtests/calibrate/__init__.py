"""Checks the mock provider against its settings: expected values beside what a client measured."""
