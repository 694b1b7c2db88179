"""The memo of a submit: the fields that the message's resource needs later."""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct


class TwilioMemo(Struct, frozen=True, gc=False):
    account_sid: str
    service_sid: str = ""
    media: int = 0


def write_memo(account_sid: str, service_sid: str = "", media: int = 0) -> str:
    """Only the account's sid, unless there are other values."""
    return f"{account_sid} {service_sid} {media}" if service_sid or media else account_sid


@lru_cache(maxsize=256)
def read_memo(memo: str) -> TwilioMemo:
    """The inverse of ``write_memo``."""
    account_sid, _, more = memo.partition(" ")
    if not more:
        return TwilioMemo(account_sid)
    service_sid, _, media = more.partition(" ")
    return TwilioMemo(account_sid, service_sid, int(media))
