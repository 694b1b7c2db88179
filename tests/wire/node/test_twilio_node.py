"""The official JavaScript client of Twilio, pointed at the provider by its own kind of HTTP client."""

from __future__ import annotations

from node_scripts import RunNode
from wire_provider import StartProvider

ACCOUNT, SERVICE = "AC" + "0" * 31 + "1", "MG" + "a" * 32
NUMBER = "+15017122661"


def test_twilio_node_sends_and_validates_callbacks(start: StartProvider, run_node: RunNode) -> None:
    services = [{"sid": SERVICE, "senders": [NUMBER]}]
    provider = start(protocol={"twilio": {"messaging_services": services}})
    seen = run_node("twilio.js", provider.url, provider.token, ACCOUNT, SERVICE)
    assert seen["sid"].startswith("MM")
    assert (seen["first"], seen["last"], seen["media"]) == ("accepted", "delivered", 1)
    assert (seen["numbers"], seen["feedback"], seen["unknown"]) == ([NUMBER], "confirmed", 20404)
    callbacks = seen["callbacks"]
    assert sorted(call["status"] for call in callbacks) == ["delivered", "queued", "sent"]
    for call in callbacks:
        assert (call["valid"], call["forged"]) == (True, False)
        assert call["target"] == "/st?x=1&note=it's%20%C5%BC"
        assert call["authorization"] == "Basic am9lOnMzY3JldA=="
        assert call["userAgent"] == "TwilioProxy/1.1"
    assert len({call["idempotencyToken"] for call in callbacks}) == 3
