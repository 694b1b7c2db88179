import pytest


def test_second_acceptance_shows_on_every_row_of_the_key(provider):
    p = provider()
    p.send(0, "k")
    p.run()
    (first,) = p.engine.take_rows()
    assert first.accepts == 1
    p.send(1, "k")
    p.run()
    rows = p.engine.take_rows()
    assert {row.provider_id for row in rows} > {first.provider_id}
    assert {(row.submits, row.accepts) for row in rows} == {(2, 2)}
    assert p.engine.take_rows() == []


def test_repeat_of_a_finished_message_writes_its_row_again(provider):
    p = provider()
    p.send(0, "k", refuse_duplicates=True)
    p.run()
    (row,) = p.engine.take_rows()
    p.send(1, "k", refuse_duplicates=True)
    (again,) = p.engine.take_rows()
    assert (again.provider_id, again.submits, again.accepts) == (row.provider_id, 2, 1)


def test_close_rows_gives_what_is_open_and_what_was_never_accepted(provider):
    p = provider(delivery={"latency": {"kind": "fixed", "value_s": 100}})
    p.send(0, "open")
    p.send(0, "stranger", token="x")
    assert p.engine.take_rows() == []
    rows = {row.key: row for row in p.engine.close_rows()}
    assert (rows["open"].state, rows["open"].provider_id != "") == ("open", True)
    assert (rows["stranger"].state, rows["stranger"].provider_id) == ("rejected", "")


def test_oldest_finished_keys_are_forgotten_above_the_limit(provider):
    p = provider(duplicates={"remembered_keys": 10}, delivery={"latency": {"kind": "fixed", "value_s": 1000}})
    p.send(0, "open", refuse_duplicates=True)
    for n in range(100):
        p.send(0, f"refused{n}", token="x")
        assert p.engine.state().gauges["remembered_keys"] <= 12
    p.send(0, "open", refuse_duplicates=True)
    rows = {row.key: row for row in p.engine.take_rows()}
    assert len(rows) >= 89  # what is forgotten is written first
    assert "open" not in rows
    p.run()
    assert (p.row("open").state, p.row("open").submits, p.row("open").accepts) == ("delivered", 2, 1)


def test_batch_larger_than_what_is_remembered(provider):
    p = provider(duplicates={"remembered_keys": 3})
    keys = [f"k{n}" for n in range(50)]
    p.send(0, *keys)
    p.run()
    assert {row.key for row in p.rows().values()} == set(keys)


def test_message_without_a_key_gets_one(provider):
    p = provider()
    for _ in range(2):
        p.send(0, {"text": "same"})
    p.send(0, {"text": "lone surrogate \ud800"})
    p.run()
    keys = [row.key for row in p.rows().values()]
    assert len(set(keys)) == 3
    assert all(key.startswith("48600100200-") for key in keys)


@pytest.mark.timeout(20)
def test_one_key_sent_very_often(provider):
    p = provider()
    for _ in range(5_000):
        p.send(0, "k")
    p.run()
    rows = p.rows()
    assert len(rows) == 5_000
    assert {row.accepts for row in rows.values()} == {5_000}
