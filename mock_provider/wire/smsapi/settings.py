"""What is uncertain about SMSAPI, or differs between its accounts: each a setting with a default."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class SmsapiSettings(Struct, frozen=True, gc=False, kw_only=True):
    """Settings of the SMSAPI wire, as resolved from ``[wire.smsapi]`` of the profile."""

    throttle_style: Literal["error_202", "http_429"] = "error_202"
    points_as: Literal["number", "string"] = "number"
    send_status: int = 200  # the official clients' fixtures answer a send with 201
    max_recipients_get: int = 200
    max_parts: int = 6  # of a message whose request names no max_parts
    default_country: str = "PL"  # of a number written without its country code
    plus_accepted: bool = False  # integrators report error 13 for "+48…"
    drop_repeated_numbers: bool = True  # unless allow_duplicates=1
    timezone: str = "Europe/Warsaw"  # of a date written without an offset
    username: str = "smsbench"
    report_url_bytes: int = 7_500  # aiohttp's own servers refuse a request line above 8,190
    report_hosts: tuple[str, ...] = ()  # besides loopback; "*" allows any
