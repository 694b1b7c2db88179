"""Accounts of every route of the sender at the mock provider."""

from __future__ import annotations

from urllib.parse import quote

from wire_provider import TOKEN

SENDER_IDS = {"smsapi": "Shop", "generic": "Shop", "twilio": "+15017122661"}
CREDENTIALS = {"smsapi": "{token}", "generic": "{token}", "twilio": "AC" + "0" * 31 + "1:{token}"}
SIGNED = ("generic", "twilio")  # routes whose reports carry a signature


def route_url(name: str, address: str, token: str = TOKEN, **options: object) -> str:
    """The URL of a route to the provider at ``address``, for the account of ``token``."""
    chosen = {"sender_id": SENDER_IDS[name]} | options
    query = "&".join(f"{option}={quote(str(value))}" for option, value in chosen.items())
    return f"{name}+http://{CREDENTIALS[name].format(token=token)}@{address}?{query}"
