"""Columns in, figures out: counts, times, rates, shares and differences."""
