"""Checks the mock provider against its settings: expected values next to measured ones."""
