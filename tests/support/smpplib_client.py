"""smpplib's client, and what it received."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

from smpplib import consts
from smpplib.client import Client
from wire_provider import SMPP_PASSWORD

from mock_provider.testing import ProviderThread

DEADLINE_S = 10.0


class _NoTls:
    """In place of a TLS context, which smpplib gives its socket to. It has no other way to reach it."""

    plain: socket.socket

    def wrap_socket(self, plain: socket.socket) -> socket.socket:
        self.plain = plain
        return plain


class Esme:
    """smpplib's client, and what it received."""

    def __init__(self, provider: ProviderThread) -> None:
        self._no_tls = _NoTls()
        self.client = Client(
            provider.smpp_host,
            provider.smpp_port,
            timeout=DEADLINE_S,
            ssl_context=self._no_tls,
            allow_unknown_opt_params=True,
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
        status: int = self.receipt_status
        return status

    def bind(self, how: str = "transceiver", **credentials: str) -> Any:
        given = {"system_id": "esme", "password": SMPP_PASSWORD} | credentials
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
        """Read until this many of each have come."""
        deadline = time.monotonic() + DEADLINE_S
        while len(self.answers) < answers or len(self.receipts) < receipts:
            assert time.monotonic() < deadline, f"{len(self.answers)} answers, {len(self.receipts)} receipts"
            self.client.read_once()

    @property
    def socket(self) -> socket.socket:
        """For bytes that the client does not send, and for its time limits."""
        return self._no_tls.plain

    def close(self) -> None:
        self.client.state = consts.SMPP_CLIENT_STATE_OPEN  # it warns of leaving while bound
        self.client.disconnect()

    def receipt_fields(self, number: int = 0) -> dict[str, str]:
        """The fields of a receipt's text."""
        words = self.receipts[number].short_message.decode()
        words = words.replace("submit date", "submit").replace("done date", "done")
        head, _, text = words.partition(" text:")
        return dict(word.split(":", 1) for word in head.split(" ")) | {"text": text}


Connect = Callable[[ProviderThread], Esme]


def captured(provider: ProviderThread) -> list[dict[str, Any]]:
    """What the provider captured, newest first."""
    return provider.messages()[::-1]
