"""The schema in PostgreSQL: an older one is upgraded; one node leads."""

from __future__ import annotations

from contextlib import closing

import pytest
from messages import made_message
from postgres_server import PostgresServer

from reference_sender.dispatch.values import Lane
from reference_sender.policy.campaigns import Campaign, CampaignChange, CampaignState
from reference_sender.policy.opt_out import OptOut
from reference_sender.policy.spending import Spent
from reference_sender.store import StoreError, Work, open_store
from reference_sender.store.campaign_reports import ReportOrder
from reference_sender.store.postgres import PostgresStore
from reference_sender.store.protocol import Membership

_COLUMNS = (
    "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns"
    " WHERE table_schema = 'smsbench' ORDER BY 1, ordinal_position"
)
_INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'smsbench' ORDER BY 1"
_AS_SCHEMA_6 = """
SET search_path = smsbench;
ALTER TABLE message DROP COLUMN pair;
UPDATE identity SET version = 6;
"""
_AS_SCHEMA_5 = f"""
{_AS_SCHEMA_6}
ALTER TABLE claim DROP COLUMN expires_ns, DROP COLUMN turn;
CREATE INDEX claim_free ON claim (lane, id) WHERE owner = 0;
ALTER TABLE node DROP COLUMN lease_s;
UPDATE identity SET version = 5;
"""
_AS_SCHEMA_4 = f"""
{_AS_SCHEMA_5}
ALTER TABLE node DROP COLUMN limits;
UPDATE identity SET version = 4;
"""
_AS_SCHEMA_3 = f"""
{_AS_SCHEMA_4}
ALTER TABLE claim DROP COLUMN confirmed;
UPDATE identity SET version = 3;
"""
_AS_SCHEMA_2 = f"""
{_AS_SCHEMA_3}
ALTER TABLE campaign DROP COLUMN changed_at;
ALTER TABLE spending DROP CONSTRAINT spending_pkey, DROP COLUMN node, DROP COLUMN changed_at,
    ADD PRIMARY KEY (campaign, day);
ALTER TABLE opt_out DROP COLUMN active, DROP COLUMN changed_at;
DROP TABLE recipient;
UPDATE identity SET version = 2;
"""
_AS_SCHEMA_1 = f"""
{_AS_SCHEMA_2}
DROP TABLE campaign_report;
DROP INDEX message_campaign;
CREATE INDEX message_campaign ON message (campaign) WHERE campaign <> '';
UPDATE identity SET version = 1;
"""


def test_schema_1_is_upgraded_with_its_messages(postgres: PostgresServer) -> None:
    url = postgres.without_store()
    with closing(open_store(url)) as store:
        store.commit(
            Work(
                [
                    made_message(
                        1, key="k", text="Hi", lane=Lane.OTP, sender_id="", campaign="may", created_ns=1
                    )
                ]
            )
        )
    created = postgres.sql(_COLUMNS), postgres.sql(_INDEXES)
    postgres.sql(_AS_SCHEMA_1)
    assert postgres.sql(_COLUMNS) != created[0]
    with closing(open_store(url)) as store:
        assert (postgres.sql(_COLUMNS), postgres.sql(_INDEXES)) == created
        assert [row.key for row in store.campaign_rows("may", 0, 9)] == ["k"]
        store.commit(Work(controls=[ReportOrder("may", 1)]))
        assert store.campaign_report("may") is not None


@pytest.mark.parametrize(("version", "statements"), [(2, _AS_SCHEMA_2), (3, _AS_SCHEMA_3)])
def test_an_earlier_schema_is_upgraded_with_its_rules_once_no_earlier_sender_runs(
    postgres: PostgresServer, version: int, statements: str
) -> None:
    url = postgres.without_store()
    campaign, spent, opt_out = (
        CampaignChange("may", CampaignState.PAUSED),
        Spent("may", 1, 40),
        OptOut("48500100200", 7),
    )
    with closing(open_store(url)) as store:
        store.commit(Work(controls=[campaign, spent, opt_out]))
    created = postgres.sql(_COLUMNS), postgres.sql(_INDEXES)
    with closing(open_store(url)):
        postgres.sql(statements)
        with pytest.raises(StoreError, match=f"schema {version}: stop every sender"):
            open_store(url)
    postgres.sql("UPDATE smsbench.node SET dead = true")  # its store could not leave: it knows schema 7
    with closing(open_store(url)) as store:
        assert (postgres.sql(_COLUMNS), postgres.sql(_INDEXES)) == created
        assert (store.campaigns(), store.spending(), store.opt_outs("", 9)) == (
            [Campaign("may", CampaignState.PAUSED)],
            [spent],
            [opt_out],
        )


@pytest.mark.parametrize("statements", [_AS_SCHEMA_4, _AS_SCHEMA_5, _AS_SCHEMA_6])
def test_schema_4_to_6_are_upgraded_while_their_senders_run(
    postgres: PostgresServer, statements: str
) -> None:
    url = postgres.without_store()
    with closing(open_store(url)) as earlier:
        created = postgres.sql(_COLUMNS)
        postgres.sql(statements)
        with closing(open_store(url)) as store:
            assert postgres.sql(_COLUMNS) == created
            earlier.commit(
                Work(
                    [
                        made_message(
                            1, key="k", text="Hi", lane=Lane.OTP, sender_id="", campaign="may", created_ns=1
                        )
                    ]
                )
            )
            # As they leave a message to any node: they do not know the later columns.
            postgres.sql(
                "DELETE FROM smsbench.claim; INSERT INTO smsbench.claim (id, owner, lane) VALUES (1, 0, 0)"
            )
            assert store.unfinished(0) == []
            assert [each.message.message_id for each in store.unfinished(10)] == [1]


def test_a_later_schema_is_refused(postgres: PostgresServer) -> None:
    url = postgres.without_store()
    open_store(url).close()
    postgres.sql("UPDATE smsbench.identity SET version = 99")
    with pytest.raises(StoreError, match="schema 99"):
        open_store(url)


def test_one_node_leads_and_the_next_one_when_it_leaves(postgres: PostgresServer) -> None:
    url = postgres.without_store()
    long = Membership(routes=("a",), lease_s=600.0)
    first = PostgresStore(url, long)
    with closing(PostgresStore(url, long)) as second:
        assert [node.renew(0).leads for node in (first, second)] == [True, False]
        first.close()
        assert second.renew(0).leads
