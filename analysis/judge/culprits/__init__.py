"""The bottlenecks of a run: samples and journeys in, culprits with evidence out (docs/culprits.md)."""

from analysis.judge.culprits.find import find_culprits
from analysis.judge.culprits.view import CulpritInputs

__all__ = ["CulpritInputs", "find_culprits"]
