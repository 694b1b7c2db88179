"""Nodes never use more than the whole of a route's limits between them, in whatever order they join, renew,
die and learn their new share (reference_sender/store/sharing.py).
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from nanoseconds import S

from reference_sender.dispatch import DispatchSettings
from reference_sender.dispatch.route import RouteState
from reference_sender.dispatch.values import RouteLimits
from reference_sender.store.sharing import WHOLE, granted, most_sharers

RATE_PER_S, BURST = 40, 24
LIMITS = RouteLimits("r", RATE_PER_S, BURST, 1e6, 1e6, 10, 8, 86_400.0)

STEPS = st.lists(
    st.tuples(st.sampled_from(["join", "renew", "learn", "die"]), st.integers(0, 7)), max_size=60
)


class Nodes:
    """What the store keeps, what each node uses, and the answers on their way."""

    def __init__(self, most_nodes: int) -> None:
        self.most_nodes = most_nodes
        self.kept: dict[int, int] = {}
        self.using: dict[int, int] = {}
        self.announced: dict[int, int] = {}
        self.joined = 0

    def step(self, what: str, which: int) -> None:
        if what == "join":
            self.joined += 1
            self.kept[self.joined] = self.using[self.joined] = 0
            return
        living = sorted(self.kept)
        if not living:
            return
        node = living[which % len(living)]
        if what == "renew" and node not in self.announced:  # one at a time
            self.renew(node)
        elif what == "learn" and node in self.announced:
            self.using[node] = self.announced.pop(node)
        elif what == "die":  # its lease has ended, so it uses nothing
            del self.kept[node], self.using[node]
            self.announced.pop(node, None)

    def renew(self, node: int) -> None:
        share = granted(node, self.kept, self.using[node], self.most_nodes)
        self.kept[node] = max(self.using[node], share)
        self.announced[node] = share


@given(STEPS, st.integers(1, 9))
def test_the_shares_in_use_never_exceed_the_whole(steps: list[tuple[str, int]], most_nodes: int) -> None:
    nodes = Nodes(most_nodes)
    for what, which in steps:
        nodes.step(what, which)
        assert sum(nodes.using.values()) <= WHOLE
        assert sum(nodes.kept.values()) <= WHOLE
        assert all(nodes.using[node] <= nodes.kept[node] for node in nodes.kept)


@given(STEPS, st.integers(1, 9))
def test_without_further_change_the_nodes_soon_have_equal_shares(
    steps: list[tuple[str, int]], most_nodes: int
) -> None:
    nodes = Nodes(most_nodes)
    for what, which in [*steps, ("join", 0)]:
        nodes.step(what, which)
    for _ in range(3):  # each lowers, says so, and gets what others gave up
        for node in sorted(nodes.kept):
            if node in nodes.announced:
                nodes.using[node] = nodes.announced.pop(node)
            nodes.renew(node)
            nodes.using[node] = nodes.announced.pop(node)
    active = min(len(nodes.kept), most_nodes)
    expected = [WHOLE // active] * active + [0] * (len(nodes.kept) - active)
    assert [nodes.using[node] for node in sorted(nodes.using)] == expected


@given(STEPS, st.lists(st.integers(0, S), min_size=60, max_size=60))
def test_all_nodes_together_keep_the_rate_and_burst_of_the_contract(
    steps: list[tuple[str, int]], waits_ns: list[int]
) -> None:
    """Each node sends whatever its share of the limits lets it send, at every instant."""
    nodes = Nodes(most_nodes=8)
    routes: dict[int, RouteState] = {}
    now_ns, sent = 0, []
    for (what, which), wait_ns in zip(steps, waits_ns, strict=False):
        nodes.step(what, which)
        for node, share in nodes.using.items():
            if node not in routes:
                routes[node] = RouteState(0, LIMITS, DispatchSettings(), seed=1)
                routes[node].divide(now_ns, 0.0)
            if share / WHOLE != routes[node].share:
                routes[node].divide(now_ns, share / WHOLE)
        for node in nodes.using:
            route = routes[node]
            tokens = route.requests.available(now_ns) if route.blocked_until(now_ns) == 0 else 0
            route.requests.spend(tokens)
            sent.append((now_ns, tokens))
        now_ns += wait_ns
    for first, (from_ns, _) in enumerate(sent):
        total = 0
        for at_ns, tokens in sent[first:]:
            total += tokens
            assert total <= RATE_PER_S * (at_ns - from_ns) / S + BURST


@given(STEPS, st.integers(1, 24))
def test_a_share_allows_at_least_one_request(steps: list[tuple[str, int]], limit: int) -> None:
    """A fourth node that joins three of 333,333 millionths gets none at first, not the one that is left."""
    limits = RouteLimits("r", 40, limit, 1e6, 1e6, 10, limit, 86_400.0)
    nodes = Nodes(most_sharers(limit))
    grow = [("join", 0), *(((what, node)) for node in range(4) for what in ("renew", "learn"))]
    for what, which in [*grow, *grow, *grow, *grow, *steps]:
        nodes.step(what, which)
        for share in nodes.announced.values():
            RouteState(0, limits, DispatchSettings(), seed=1).divide(0, share / WHOLE)


def test_each_of_the_nodes_that_share_a_limit_has_at_least_one_of_it() -> None:
    for limit in range(1, 2_001):
        nodes = most_sharers(limit)
        assert limit * (WHOLE // nodes / WHOLE) >= 1, limit
        assert nodes in (limit, limit - 1) or limit > 900, limit
    assert [most_sharers(limit) for limit in (0.5, 1, 3, 8)] == [1, 1, 2, 8]
