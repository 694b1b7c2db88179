"""What becomes of a provider's records: on a full disk, of a file that is removed, after kill -9."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from provider_process import ProviderUnderTest, rows, started_provider
from smpplib import consts
from smpplib.client import Client
from waiting import eventually

DEADLINE_S = 30.0
SLOW = {
    "name": "slow",
    "carriers": [{"name": "one", "country": "*"}],
    "delivery": {"latency": {"kind": "fixed", "value_s": 3_600}},
    "protocol": {"smpp": {"system_ids": []}},
}


def provider(
    folder: Path, *options: str, most_bytes: int | None = None
) -> AbstractContextManager[ProviderUnderTest]:
    return started_provider(folder, SLOW, *options, most_bytes=most_bytes)


def test_on_a_full_disk_the_provider_refuses_messages_and_exits(tmp_path: Path) -> None:
    journal = tmp_path / "provider.arrow"
    options = ("--journal", str(journal), "--smpp-port", "0", "--smpp-password", "pw")
    with provider(tmp_path, *options, most_bytes=200_000) as running:
        number = 0
        while running.send(f"k{number}")[0] == 200:
            number += 1
            assert number < 20_000, "messages are taken although their rows cannot be written"
        state = running.state()
        assert state["failed"] == [f"the journal: {journal} cannot be written: File too large"]
        assert state["accepted"] == number
        assert "it refuses all submits from now on" in running.log()  # while it runs

        status, answer = running.send("more")
        assert (status, answer["error"]) == (503, "service_unavailable")
        status, answer = running.ask(
            "/v1/messages", b'{"messages":[{"to":"+48500100200","text":"x"}]}',
            Authorization="Bearer t", Content_Type="application/json",
        )  # fmt: skip
        assert status == 503
        status, answer = running.ask(
            "/2010-04-01/Accounts/AC00000000000000000000000000000000/Messages.json",
            b"To=%2B48500100200&From=Test&Body=x",
            Authorization="Basic QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDp0",
            Content_Type="application/x-www-form-urlencoded",
        )
        assert (status, answer["code"]) == (503, 20503)
        assert smpp_status(running.ready["smpp"]) == consts.SMPP_ESME_RSYSERR
        assert running.state()["accepted"] == number

        assert running.process.wait(DEADLINE_S) == 70  # by itself
        assert "Traceback" not in running.log()
        assert running.log().splitlines()[-1].endswith(f"{journal} cannot be written: File too large")
    assert 0 < len({row["key"] for row in rows(journal)}) <= number


def smpp_status(address: str) -> int:
    host, _, port = address.rpartition(":")
    client = Client(host, int(port), timeout=10, allow_unknown_opt_params=True)
    statuses: list[int] = []
    client.set_error_pdu_handler(lambda pdu: statuses.append(pdu.status))
    client.connect()
    try:
        client.bind_transceiver(system_id="esme", password="pw")
        client.send_message(
            source_addr_ton=5, source_addr="Test", dest_addr_ton=1, dest_addr_npi=1,
            destination_addr="48500100200", short_message=b"x",
        )  # fmt: skip
        client.read_once()
    finally:
        client.state = consts.SMPP_CLIENT_STATE_OPEN
        client.disconnect()
    return statuses[0]


def test_a_journal_that_is_removed_is_noticed(tmp_path: Path) -> None:
    journal = tmp_path / "provider.arrow"
    with provider(tmp_path, "--journal", str(journal)) as running:
        assert running.send("before")[0] == 200
        journal.unlink()
        eventually(lambda: running.state()["failed"])
        assert running.send("after")[0] == 503
        running.process.terminate()
        assert running.process.wait(DEADLINE_S) == 70
        assert "was removed while it was being written" in running.log()


def test_messages_that_were_open_when_it_was_killed_have_a_row(tmp_path: Path) -> None:
    journal = tmp_path / "provider.arrow"
    with provider(tmp_path, "--journal", str(journal)) as running:
        _, sent = running.send("open")
        eventually(lambda: rows(journal) if journal.stat().st_size else [])
        running.process.kill()
        running.process.wait(DEADLINE_S)
    (row,) = rows(journal)
    assert (row["key"], row["state"], row["accepts"]) == ("open", "open", 1)
    assert row["provider_id"] == sent["list"][0]["id"]


def test_the_journal_of_an_earlier_provider_is_never_emptied(tmp_path: Path) -> None:
    journal = tmp_path / "provider.arrow"
    with provider(tmp_path, "--journal", str(journal)) as running:
        running.send("kept")
        running.process.terminate()
        assert running.process.wait(DEADLINE_S) == 0
    before = journal.read_bytes()
    with provider(tmp_path, "--journal", str(journal)) as running:
        assert running.process.wait(DEADLINE_S) == 2
        assert "holds the journal of an earlier provider" in running.log()
    assert journal.read_bytes() == before
