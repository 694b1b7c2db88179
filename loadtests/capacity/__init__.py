"""Capacity by search: the highest sustained rate at which every objective is met (docs/capacity.md)."""
