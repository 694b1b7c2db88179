"""The clock of the PostgreSQL server is set back. Leases are measured by it."""

from __future__ import annotations

from messages import made_message
from postgres_server import PostgresServer
from store_nodes import LONG, Join

from reference_sender.dispatch.values import Lane
from reference_sender.store import Work
from reference_sender.store.postgres import PostgresStore

AN_HOUR_S = 3_600


def test_a_node_that_dies_when_the_clock_was_set_back_is_taken_over_after_its_lease(
    join: Join, postgres: PostgresServer
) -> None:
    dead, heir = join(LONG), join(LONG)
    dead.commit(Work([made_message(1, lane=Lane.OTP, sender_id="", created_ns=1_000)]))
    heir.renew(0)
    set_back(postgres, AN_HOUR_S)
    for _ in range(2):
        assert heir.renew(0).nodes == 2, "its lease has not ended"
        set_back(postgres, -0.4 * LONG.lease_s)
    assert heir.unfinished(10) == []
    for _ in range(2):
        heir.renew(0)
        set_back(postgres, -0.4 * LONG.lease_s)
    assert heir.renew(0).nodes == 1
    assert [each.message.message_id for each in heir.unfinished(10)] == [1]


def test_a_node_that_lives_keeps_its_work_when_the_clock_was_set_back(
    join: Join, postgres: PostgresServer
) -> None:
    nodes = [join(LONG), join(LONG)]
    set_back(postgres, AN_HOUR_S)
    for _ in range(6):
        assert [each.renew(0).nodes for each in nodes] == [2, 2]
        set_back(postgres, -0.4 * LONG.lease_s)
    assert [commits(each) for each in nodes] == [True, True]


def set_back(postgres: PostgresServer, seconds: float) -> None:
    """As if the clock was set back: all stored instants are later. Negative: as if that time had passed."""
    by = f"interval '{seconds} seconds'"
    postgres.sql(
        f"UPDATE smsbench.node SET alive_until = alive_until + {by}, steady_since = steady_since + {by}"
    )


def commits(node: PostgresStore) -> bool:
    """Whether the node's lease is in force: a probe raises ``StoreError`` otherwise."""
    node.probe()
    return True
