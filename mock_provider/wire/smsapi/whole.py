"""The wire with all its services, as one profile wants it."""

from __future__ import annotations

from mock_provider.profiles import Profile
from mock_provider.wire.smsapi.kept import Kept
from mock_provider.wire.smsapi.lookups import Network
from mock_provider.wire.smsapi.services import Services
from mock_provider.wire.smsapi.wire import Smsapi


def smsapi_of(profile: Profile, kept: Kept) -> Smsapi:
    """``kept`` outlives the wire: it goes on under another profile."""
    settings, account = profile.wire.smsapi, profile.account
    networks = [
        Network(carrier.country, carrier.name, carrier.mcc, carrier.mnc, account.price_per_segment)
        for carrier in profile.carriers
    ]
    services = Services(settings, kept, account.sender_names, networks)
    return Smsapi(settings, account.price_per_segment, services)
