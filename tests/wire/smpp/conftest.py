"""smpplib's client against the provider of conftest."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, Protocol

import pytest
from smpplib import consts
from smpplib.client import Client

DEADLINE_S = 10.0


class Provider(Protocol):
    """What these tests need of conftest's ProviderUnderTest."""

    smpp_host: str
    smpp_port: int
    smpp_password: str
    token: str

    def admin(self, path: str, value: object = None, method: str | None = None) -> tuple[int, Any]: ...
    def state(self) -> dict[str, Any]: ...
    def stop_soon(self) -> None: ...


class Esme:
    """smpplib's client, and what came to it."""

    def __init__(self, provider: Provider) -> None:
        self.client = Client(
            provider.smpp_host, provider.smpp_port, timeout=DEADLINE_S, allow_unknown_opt_params=True
        )
        self.client.set_message_sent_handler(lambda pdu: self.answers.append(pdu))
        self.client.set_error_pdu_handler(lambda pdu: None)  # the other handlers get it as well
        self.client.set_query_resp_handler(lambda pdu: self.answers.append(pdu))
        self.client.set_message_received_handler(self.on_receipt)
        self.answers: list[Any] = []
        self.receipts: list[Any] = []
        self.receipt_status = consts.SMPP_ESME_ROK
        self.client.connect()

    def on_receipt(self, pdu: Any) -> int:
        self.receipts.append(pdu)
        return self.receipt_status

    def bind(self, how: str = "transceiver", **credentials: str) -> Any:
        given = {"system_id": "esme", "password": "wire-pw"} | credentials
        return getattr(self.client, f"bind_{how}")(**given)

    def send(self, octets: bytes = b"hello", **fields: Any) -> None:
        plain: dict[str, Any] = {
            "source_addr_ton": consts.SMPP_TON_ALNUM,
            "source_addr": "Test",
            "dest_addr_ton": consts.SMPP_TON_INTL,
            "dest_addr_npi": consts.SMPP_NPI_ISDN,
            "destination_addr": "48500100200",
            "short_message": octets,
            "registered_delivery": 1,
        }
        self.client.send_message(**(plain | fields))

    def read(self, answers: int, receipts: int = 0) -> None:
        """Read until so many of each have come."""
        deadline = time.monotonic() + DEADLINE_S
        while len(self.answers) < answers or len(self.receipts) < receipts:
            assert time.monotonic() < deadline, f"{len(self.answers)} answers, {len(self.receipts)} receipts"
            self.client.read_once()

    def close(self) -> None:
        self.client.state = consts.SMPP_CLIENT_STATE_OPEN  # it warns of leaving while bound
        self.client.disconnect()

    def receipt_fields(self, number: int = 0) -> dict[str, str]:
        """The fields of a receipt's text."""
        words = self.receipts[number].short_message.decode()
        words = words.replace("submit date", "submit").replace("done date", "done")
        head, _, text = words.partition(" text:")
        return dict(word.split(":", 1) for word in head.split(" ")) | {"text": text}


@pytest.fixture
def connect() -> Iterator[Callable[[Provider], Esme]]:
    """Connect an ESME, unbound."""
    with ExitStack() as stack:

        def one(provider: Provider) -> Esme:
            esme = Esme(provider)
            stack.callback(esme.close)
            return esme

        yield one


@pytest.fixture
def inbox() -> Callable[[Provider], list[dict[str, Any]]]:
    """What the provider captured, by its admin API."""

    def captured(provider: Provider) -> list[dict[str, Any]]:
        status, found = provider.admin("/messages?limit=100")
        assert status == 200
        messages: list[dict[str, Any]] = found["messages"] if isinstance(found, dict) else found
        return messages

    return captured
