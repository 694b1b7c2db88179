"""aiosmpplib, unmodified, against the provider."""

from __future__ import annotations

import asyncio
import warnings
from datetime import timedelta

from aiosmpplib import ESME, DeliverSm, PhoneNumber, SubmitSm, SubmitSmResp
from aiosmpplib.hook import AbstractHook
from aiosmpplib.protocol import SmppMessage
from aiosmpplib.state import NPI, TON
from smpplib_client import captured
from waiting import eventually_in_loop
from wire_provider import StartProvider

FAST = {"delivery": {"latency": {"kind": "fixed", "value_s": 0.0}}, "reports": {"linger_s": 0.0}}


class ReceivedHook(AbstractHook):  # type: ignore[misc]  # aiosmpplib has no types
    """What aiosmpplib received."""

    def __init__(self) -> None:
        self.answers: list[SubmitSmResp] = []
        self.receipts: list[DeliverSm] = []
        self.errors: list[Exception] = []

    async def sending(self, smpp_message: SmppMessage, pdu: bytes, client_id: str) -> None:
        """Nothing to note."""

    async def received(self, smpp_message: SmppMessage | None, pdu: bytes, client_id: str) -> None:
        if isinstance(smpp_message, SubmitSmResp) and not isinstance(smpp_message, DeliverSm):
            self.answers.append(smpp_message)
        elif isinstance(smpp_message, DeliverSm):
            self.receipts.append(smpp_message)

    async def send_error(self, smpp_message: SmppMessage, error: Exception, client_id: str) -> None:
        self.errors.append(error)


def test_aiosmpplib_sends_and_reads_its_receipts(start: StartProvider) -> None:
    provider = start(**FAST)
    texts = ["hello", "Zażółć gęślą jaźń", "long € " * 60]

    async def scenario() -> ReceivedHook:
        seen = ReceivedHook()
        esme = ESME(
            provider.smpp_host,
            provider.smpp_port,
            system_id="aio",
            password=provider.smpp_password,
            hook=seen,
            log_level="ERROR",
        )
        for number, text in enumerate(texts):
            await esme.broker.enqueue(
                SubmitSm(
                    short_message=text,
                    source=PhoneNumber("Test", TON.ALPHANUMERIC, NPI.UNKNOWN),
                    destination=PhoneNumber("48500100200", TON.INTERNATIONAL, NPI.ISDN),
                    encoding="ucs2" if "ż" in text else None,
                    validity_period=timedelta(hours=1),
                    priority_flag=1,
                    log_id=str(number),
                )
            )
        running = asyncio.create_task(esme.start())
        await eventually_in_loop(lambda: len(seen.receipts) >= len(seen.answers) >= len(texts))
        with warnings.catch_warnings(action="ignore", category=ResourceWarning):
            await esme.stop()  # it drops its stream unclosed
            await running
        return seen

    seen = asyncio.run(scenario())
    assert not seen.errors
    parsed = [receipt.parse_receipt() for receipt in seen.receipts]
    assert {fields["stat"] for fields in parsed} == {"DELIVRD"}
    assert {fields["id"] for fields in parsed} == {answer.message_id for answer in seen.answers}
    assert {message["text"] for message in captured(provider)} >= set(texts[:2])
