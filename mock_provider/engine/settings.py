"""The settings that the engine reads. ``profiles.Profile`` adds the profile's name and the loading from a
file.
"""

from __future__ import annotations

from mock_provider.engine.faults import Faults
from mock_provider.settings.distributions import Section
from mock_provider.settings.network import RulesOfCountries, TrafficSettings
from mock_provider.settings.protocols import ProtocolSettings
from mock_provider.settings.sections import (
    AcceptQueue,
    AccountSettings,
    Carriers,
    Delivery,
    Duplicates,
    Flood,
    Numbers,
    ReplySettings,
    ReportSettings,
    Throttle,
)


class EngineSettings(Section):
    """How a provider judges, queues, delivers and reports. Frozen."""

    account: AccountSettings = AccountSettings()
    throttle: Throttle = Throttle()
    accept_queue: AcceptQueue = AcceptQueue()
    reply: ReplySettings = ReplySettings()
    duplicates: Duplicates = Duplicates()
    flood: Flood = Flood()
    numbers: Numbers = Numbers()
    traffic: TrafficSettings = TrafficSettings()
    delivery: Delivery = Delivery()
    rules: RulesOfCountries = ()
    carriers: Carriers
    reports: ReportSettings = ReportSettings()
    faults: Faults = ()
    protocol: ProtocolSettings = ProtocolSettings()
