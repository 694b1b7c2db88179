"""A real provider with the tokens of these tests."""

from __future__ import annotations

import json
from typing import Any, Protocol
from urllib.parse import urlencode

from mock_provider.app import ProviderConfig
from mock_provider.testing.running import ProviderThread, changed_profile

TOKEN, ADMIN_TOKEN, SMPP_PASSWORD = "wire-token", "wire-admin", "wire-pw"


class StartProvider(Protocol):
    def __call__(self, **sections: Any) -> ProviderThread:
        """Start a provider of the profile ``fast`` with changes to its sections. ``token`` is no section."""


def started(token: str = TOKEN, **sections: Any) -> ProviderThread:
    """A provider of the profile ``fast`` with changed sections, a backup address and SMPP."""
    config = ProviderConfig(
        changed_profile("fast", **sections),
        token=token,
        admin_token=ADMIN_TOKEN,
        stop_grace_s=0.5,
        backup_port=0,
        smpp_port=0,
        smpp_password=SMPP_PASSWORD,
    )
    return ProviderThread(config)


def send_sms(provider: ProviderThread, **fields: str) -> Any:
    """Send one message by SMSAPI's protocol; its answer."""
    form = {"to": "48500100200", "message": "Hi", "format": "json"} | fields
    bearer = f"Bearer {provider.token}"
    _, reply = provider.request("/sms.do", urlencode(form).encode(), Authorization=bearer)
    return json.loads(reply)
