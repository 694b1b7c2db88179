"""Run directories in, columns out: one entry for each arrival."""
