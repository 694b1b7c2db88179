"""The protocol with all its services, as one profile wants it."""

from __future__ import annotations

from mock_provider.profiles import Profile
from mock_provider.protocols.smsapi.protocol import Smsapi
from mock_provider.protocols.smsapi.services.endpoints import Services
from mock_provider.protocols.smsapi.services.prices import Network
from mock_provider.protocols.smsapi.services.state import SmsapiState


def smsapi_of(profile: Profile, state: SmsapiState) -> Smsapi:
    """``state`` outlives the protocol: it goes on under another profile."""
    settings, account = profile.protocol.smsapi, profile.account
    of_country = {rules.country: rules.price_per_segment for rules in profile.rules}
    networks = []
    for carrier in profile.carriers:
        prices = (carrier.price_per_segment, of_country.get(carrier.country), account.price_per_segment)
        price = next(price for price in prices if price is not None)
        networks.append(Network(carrier.country, carrier.name, carrier.mcc, carrier.mnc, price))
    services = Services(settings, state, account.sender_names, networks)
    return Smsapi(settings, account.price_per_segment, services)
