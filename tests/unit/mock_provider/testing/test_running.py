"""The provider that other programs' tests start."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from mock_provider import ProviderConfig, RunningProvider, load_profile
from mock_provider.profiles import ProfileError
from mock_provider.testing import ProviderThread
from mock_provider.testing.running import changed_profile

ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def provider() -> Iterator[ProviderThread]:
    with ProviderThread(ProviderConfig(load_profile("fast"), stop_grace_s=0.1)) as started:
        yield started


def send(provider: ProviderThread, text: str) -> int:
    form = urlencode({"to": "48500100200", "message": text, "format": "json"}).encode()
    return provider.request("/sms.do", form, Authorization=f"Bearer {provider.token}")[0]


def test_messages_are_in_the_order_in_which_they_came(provider: ProviderThread) -> None:
    provider.reset()
    for text in ("first", "second", "third"):
        assert send(provider, text) == 200
    provider.wait_until_idle()
    found = [(message["text"], message["state"]) for message in provider.messages()]
    assert found == [("first", "delivered"), ("second", "delivered"), ("third", "delivered")]


def test_a_fault_is_begun_and_ended(provider: ProviderThread) -> None:
    provider.begin_fault("outage", answer="refuse")
    assert send(provider, "lost") == 503
    provider.end_faults()
    assert send(provider, "taken") == 200


def test_a_refusal_of_the_provider_is_an_error_with_its_reason(provider: ProviderThread) -> None:
    with pytest.raises(ValueError, match="no_such_kind"):
        provider.begin_fault("no_such_kind")


def test_a_condition_that_does_not_hold_in_time_is_an_error(provider: ProviderThread) -> None:
    with pytest.raises(TimeoutError, match=r"within 0\.02 s"):
        provider.wait_until(lambda: False, within_s=0.02)


def test_a_call_is_made_on_the_providers_event_loop(provider: ProviderThread) -> None:
    def profile_name(running: RunningProvider) -> str:
        return running.runtime.profile.name

    assert provider.in_loop(profile_name) == "fast"


def test_a_provider_that_cannot_listen_leaves_no_thread(provider: ProviderThread) -> None:
    port = int(provider.url.rpartition(":")[2])
    before = threading.active_count()
    with pytest.raises(OSError, match="in use"):
        ProviderThread(ProviderConfig(load_profile("fast"), port=port))
    assert threading.active_count() == before


def test_a_running_provider_is_stopped_once() -> None:
    provider = ProviderThread(ProviderConfig(load_profile("fast"), token="mine", stop_grace_s=0.1))
    assert provider.token == "mine"
    provider.stop()
    provider.stop()
    with pytest.raises(OSError, match="refused"):
        provider.state()


@pytest.mark.parametrize(
    ("sections", "found"),
    [
        ({"account": {"name": "shop"}}, ("shop", 0.165)),
        ({"account": {"price_per_segment": None}}, ("demo", 0.0)),
    ],
)
def test_sections_are_merged_into_the_profile(sections: dict[str, Any], found: tuple[str, float]) -> None:
    account = changed_profile("fast", **sections).account
    assert (account.name, account.price_per_segment) == found


def test_a_section_that_is_wrong_is_named() -> None:
    with pytest.raises(ProfileError, match=r"throttle\.requests"):
        changed_profile("fast", throttle={"requests": 5})


def test_virtual_time_loads_no_server() -> None:
    """A simulation starts without the HTTP server and its event loop."""
    code = """
import sys
import mock_provider, mock_provider.testing
from mock_provider.testing import VirtualProvider
assert 'mock_provider.app' not in sys.modules
from mock_provider import start_provider
assert 'mock_provider.app' in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
