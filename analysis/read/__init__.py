"""Reads run directories as columns with one entry per arrival."""
