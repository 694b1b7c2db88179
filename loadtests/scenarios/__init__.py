"""Scenarios: ``catalogue`` declares them, and each has a file here that is a locustfile by itself."""
