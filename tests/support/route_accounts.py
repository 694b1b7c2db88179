"""Accounts of every route of the sender at the mock provider."""

from __future__ import annotations

from urllib.parse import quote

from wire_provider import TOKEN

from reference_sender.routes import ROUTES

SIGNED = ("generic", "twilio")  # routes whose reports carry a signature


def sender_of(name: str) -> str:
    """The sender of messages that name none."""
    return ROUTES[name].example_sender_id or "Shop"


def route_url(kind: str, address: str, token: str = TOKEN, **options: object) -> str:
    """The URL of a route of this kind to the provider at ``address``, for the account of ``token``."""
    user = ROUTES[kind].example_user
    credentials = f"{user}:{token}" if user else token
    chosen = {"sender_id": sender_of(kind)} | options
    query = "&".join(f"{option}={quote(str(value))}" for option, value in chosen.items())
    return f"{kind}+http://{credentials}@{address}?{query}"
