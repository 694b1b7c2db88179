"""The exchange of a protocol, by its name: direct if ``direct/`` has a module for it, otherwise as bytes."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules

from loadtests.simulate import direct
from loadtests.simulate.exchange import REPORT_URL, ByteExchange, Exchange
from mock_provider.profiles import Profile
from mock_provider.protocols.http_protocol import ProtocolContext
from mock_provider.protocols.registry import HTTP_PROTOCOLS
from mock_provider.protocols.unread_fields import UnreadFields
from reference_sender.routes import DEFAULT_ROUTE, ROUTES
from reference_sender.routes.protocol import RouteAccount, RouteProtocol

DirectExchange = Callable[[Profile, str, ByteExchange], Exchange]
"""Makes an exchange from the provider's profile, a token and the exchange as bytes."""

DIRECT: dict[str, DirectExchange] = {
    module.name: import_module(f"{direct.__name__}.{module.name}").exchange
    for module in iter_modules(direct.__path__)
}


def exchange_of(profile: Profile, token: str, as_bytes: bool, protocol: str = DEFAULT_ROUTE) -> Exchange:
    """Between a sender and a provider that speak this protocol. With ``as_bytes`` it is not direct."""
    through_bytes = byte_exchange(profile, token, protocol)
    make = DIRECT.get(protocol)
    return through_bytes if as_bytes or make is None else make(profile, token, through_bytes)


def byte_exchange(profile: Profile, token: str, protocol: str = DEFAULT_ROUTE) -> ByteExchange:
    """An exchange with the protocol's bytes."""
    provider = HTTP_PROTOCOLS[protocol](ProtocolContext(0, UnreadFields()))(profile)
    return ByteExchange(provider, route_protocol(token, protocol))


def route_protocol(token: str, protocol: str = DEFAULT_ROUTE) -> RouteProtocol:
    """The sender's side of the protocol."""
    route = ROUTES[protocol]
    sender_id = route.sender_id or route.example_sender_id
    url = f"http://127.0.0.1{route.path}"
    return route.protocol(RouteAccount(url, route.example_user, token, sender_id, REPORT_URL))
