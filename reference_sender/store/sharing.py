"""How nodes share the limits of a route, which the provider's contract sets for all of them together.

A share is in millionths of each limit. The store keeps for each node the largest share that it may be using.
A node lowers its share first and reports it with its next renewal; it raises its share only after the store
has kept the new one. Renewals happen one after the other, so the shares in use never add up to more than the
whole, also while nodes join. The share of a dead node is free only after its lease has ended.
"""

from __future__ import annotations

from collections.abc import Mapping

WHOLE = 1_000_000


def granted(node: int, shares: Mapping[int, int], using: int, most_nodes: int) -> int:
    """The share that ``node``, which is one of ``shares`` and uses at most ``using``, may use from now on.

    ``shares`` has what each node that is or may be alive might use. The nodes that joined first,
    ``most_nodes`` at most, get equal shares and the others none: with more, a limit divided by the number of
    nodes would allow nothing. A node also gets none while less is left for it than an equal share of
    ``most_nodes``: it waits until the others have reported lower shares.
    """
    active = sorted(shares)[:most_nodes]
    target = WHOLE // len(active) if node in active else 0
    if target <= using:
        return target
    left = WHOLE - using - sum(share for other, share in shares.items() if other != node)
    share = min(target, using + max(0, left))
    return share if share >= WHOLE // most_nodes else 0


def most_sharers(limit: float) -> int:
    """How many nodes may share ``limit`` so that each has at least 1 of it; at least one node.

    A third of 3 in millionths is 0.999999, so a limit of 3 allows two.
    """
    nodes = max(1, int(limit))
    while nodes > 1 and limit * (WHOLE // nodes) < WHOLE:
        nodes -= 1
    return nodes
