"""Twilio's official client, unmodified, pointed at the provider by its own kind of HTTP client.

A custom ``http_client`` is Twilio's documented way to say where requests go (twilio-python,
advanced-examples/custom-http-client.md).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from mock_provider.testing import ProviderThread

ACCOUNT, SERVICE = "AC" + "0" * 31 + "1", "MG" + "a" * 32


NUMBER, OTHER, SENDER = "+48500100200", "+48500100201", "+15017122661"


POOL = ("+15017122661", "+15017122662", "+15017122663", "+15017122664")


class ProviderHttpClient(TwilioHttpClient):  # type: ignore[misc]  # twilio has no types
    """Sends what is meant for api.twilio.com to the provider."""

    def __init__(self, url: str) -> None:
        super().__init__(timeout=10)
        self._url = url

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        target = urlsplit(url)
        query = "?" + target.query if target.query else ""
        return super().request(method, self._url + target.path + query, *args, **kwargs)


def client_of(provider: ProviderThread, **changes: Any) -> Client:
    credentials = {"username": ACCOUNT, "password": provider.token} | changes
    return Client(http_client=ProviderHttpClient(provider.url), **credentials)


class CallbackReceiver:
    """Takes status callbacks; each is its parameters and its signature."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.calls: list[tuple[dict[str, str], str]] = []
        self.requests: list[tuple[str, dict[str, str]]] = []  # target and headers of each
        self.answers: list[int] = []

    def statuses(self) -> list[str]:
        return [parameters["MessageStatus"] for parameters, _ in self.calls]
