"""Runs a scenario on real sockets: processes, load, samples, drain, manifest, report."""
