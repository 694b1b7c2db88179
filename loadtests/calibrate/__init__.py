"""Is the provider true to its settings? What it was set to, against what a client of its own met."""
