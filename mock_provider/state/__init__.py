"""The state file: what a provider keeps across its own restart."""
