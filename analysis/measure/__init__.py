"""Figures from columns: counts, times, rates, shares and differences."""
