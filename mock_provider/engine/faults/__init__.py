"""Faults of the provider, one small class a module, each stating what its share counts."""
