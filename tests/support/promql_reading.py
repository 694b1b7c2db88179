"""Which series an expression of PromQL reads: the metrics and, of each, the labels it uses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import promql_parser


class Read(NamedTuple):
    """``values``: the values of the labels that a matcher with ``=`` names."""

    metric: str
    labels: frozenset[str]
    values: tuple[tuple[str, str], ...]


def reads(expression: str) -> Iterator[Read]:
    """Every selector of ``expression``. A label in ``by (...)`` counts as one of all series below it. Raises
    ``ValueError`` for an expression that is not PromQL."""
    yield from _reads(promql_parser.parse(expression), frozenset())


def _reads(node: Any, grouped: frozenset[str]) -> Iterator[Read]:
    kind = type(node).__name__
    if kind == "VectorSelector":
        matchers = node.matchers.matchers
        equal = [(each.name, each.value) for each in matchers if each.op == promql_parser.MatchOp.Equal]
        yield Read(node.name, grouped | {each.name for each in matchers}, tuple(equal))
    elif kind == "MatrixSelector":
        yield from _reads(node.vector_selector, grouped)
    elif kind == "AggregateExpr":
        labels = [] if node.modifier is None else node.modifier.labels
        yield from _reads(node.expr, grouped | set(labels))
    elif kind == "Call":
        for each in node.args:
            yield from _reads(each, grouped)
    elif kind == "BinaryExpr":
        yield from _reads(node.lhs, grouped)
        yield from _reads(node.rhs, grouped)
    elif kind in ("ParenExpr", "UnaryExpr"):
        yield from _reads(node.expr, grouped)
    elif kind not in ("NumberLiteral", "StringLiteral"):
        raise ValueError(f"this test does not know {kind}: {node.prettify()}")
