"""Finds the bottlenecks of a run, with evidence, in its samples and journeys (docs/bottlenecks.md)."""

from analysis.judge.bottlenecks.find import find_bottlenecks
from analysis.judge.bottlenecks.view import BottleneckInputs

__all__ = ["BottleneckInputs", "find_bottlenecks"]
