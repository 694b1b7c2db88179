"""Run directories in, numbers and pictures out."""
