"""Submits as an SMPP client sends them, and as the provider reads them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from nanoseconds import S

from mock_provider.engine.values import (
    Submit,
)
from mock_provider.protocols.actions import Instants
from mock_provider.protocols.smpp.fields import PduError
from mock_provider.protocols.smpp.parts import PartKeys
from mock_provider.protocols.smpp.pdu import ShortMessage
from mock_provider.protocols.smpp.submit import SubmitReader
from mock_provider.settings.protocols import SmppSettings

WALL_S = datetime(2026, 11, 22, 12, 0, tzinfo=UTC).timestamp()


AT = Instants(1_000 * S, WALL_S)


OFFSET_NS = int(WALL_S * 1e9) - AT.now_ns


def message(**fields: Any) -> ShortMessage:
    plain: dict[str, Any] = {
        "service_type": "",
        "source_ton": 5,
        "source_npi": 0,
        "source": "Test",
        "dest_ton": 1,
        "dest_npi": 1,
        "dest": "48500100200",
        "short_message": b"hello",
    }
    return ShortMessage(**(plain | fields))


def read(settings: SmppSettings | None = None, **fields: Any) -> Submit:
    reader = SubmitReader(settings or SmppSettings(), PartKeys())
    return reader.read(message(**fields), 7, "token", "esme", AT)


def status_of(**fields: Any) -> int:
    with pytest.raises(PduError) as error:
        read(**fields)
    return error.value.status
