"""An OTP that has no node yet, while the only node that sends has all the marketing messages it keeps."""

from __future__ import annotations

import asyncio

from postgres_server import PostgresServer
from running_sender import running_sender, until
from wire_provider import TOKEN, started

from reference_sender.node.node_share import LEAST_KEPT

# For one node only. It keeps LEAST_KEPT messages. Without a rule of their own for OTPs it would claim again
# when half of them are sent.
LIMITS = "requests_per_s=1&requests_burst=1&segments_per_s=1&segments_burst=10&max_batch=1&max_in_flight=1"


def test_an_otp_taken_by_a_node_on_standby_goes_before_the_marketing_messages_of_the_one_that_sends(
    postgres: PostgresServer,
) -> None:
    async def live() -> None:
        with started() as provider:
            route = f"smsapi+http://{TOKEN}@{provider.url.removeprefix('http://')}?name=r&{LIMITS}"
            store = postgres.without_store()
            async with running_sender(store, (route,)) as sending, running_sender(store, (route,)) as standby:
                await until(sending, lambda gauges: gauges["share"] == 1.0)
                await until(standby, lambda gauges: gauges["nodes"] == 2 and gauges["share"] == 0.0)
                rows = [{"to": f"48500{number:06d}"} for number in range(3 * LEAST_KEPT)]
                marketing = {"text": "Hi", "message_class": "marketing", "recipients": rows}
                await sending.ok("POST", "/v1/campaigns", marketing)
                otp = {"to": "48500900900", "text": "Code", "message_class": "otp"}
                await standby.ok("POST", "/v1/messages", otp)
                await asyncio.to_thread(
                    provider.wait_until,
                    lambda: any(each["text"] == otp["text"] for each in provider.messages()),
                )
                before = [each["text"] for each in provider.messages()].index(otp["text"])
                assert before < LEAST_KEPT // 2

    asyncio.run(live())
