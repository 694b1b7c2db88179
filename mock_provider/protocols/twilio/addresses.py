"""Recipients and senders as Twilio reads them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

from mock_provider.engine.numbers import normalise
from mock_provider.protocols.twilio.errors import TwilioError
from mock_provider.settings.protocols.twilio import MessagingService

_drop_separators = str.maketrans("", "", " -.()\u00a0")
_is_number = re.compile(r"\+?[1-9][0-9]{7,14}").fullmatch
_is_short_code = re.compile(r"[0-9]{3,7}").fullmatch
_is_name = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 &_+-]{1,11}").fullmatch
_is_service_sid = re.compile("MG[0-9a-fA-F]{32}").fullmatch

_LONGEST_SENDER = 100  # characters, separators included

# The results of Twilio's test credentials for these numbers (twilio.com/docs/iam/test-credentials), so that a
# test of an error needs no carrier.
MAGIC_RECIPIENTS = {
    "+15005550001": 21211,
    "+15005550002": 21612,
    "+15005550003": 21408,
    "+15005550004": 21610,
    "+15005550009": 21614,
}
MAGIC_SENDERS = {"+15005550001": 21212, "+15005550007": 21606, "+15005550008": 21611}


def read_recipient(to: str) -> str:
    """E.164 digits of ``To``. Raises ``TwilioError`` 21211, or 21614 for a number that takes no messages."""
    compact = to.translate(_drop_separators)
    if _is_number(compact) is None:
        raise TwilioError(21211, to)
    msisdn = normalise(compact if compact[0] == "+" else "+" + compact)
    if msisdn is None:
        raise TwilioError(21614, to)
    return msisdn


def read_sender(sender: str) -> str:
    """A sender in Twilio's form: ``+`` and E.164 digits, a short code, or a name.

    Raises ``TwilioError`` 21212.
    """
    if len(sender) > _LONGEST_SENDER:  # no sender is longer, and the cache would keep it
        raise TwilioError(21212, sender)
    return _read_sender(sender)


@lru_cache(maxsize=1024)  # an account has few senders
def _read_sender(sender: str) -> str:
    compact = sender.translate(_drop_separators)
    if _is_number(compact) is not None:
        return compact if compact[0] == "+" else "+" + compact
    if _is_short_code(compact) is not None:
        return compact
    if _is_name(sender) is None:
        raise TwilioError(21212, sender)
    return sender


def find_service(sid: str, services: Sequence[MessagingService]) -> MessagingService:
    """Raises ``TwilioError`` 21705 for an invalid sid, 21701 for a sid that is not in the profile."""
    if _is_service_sid(sid) is None:
        raise TwilioError(21705)
    for service in services:
        if service.sid == sid:
            return service
    raise TwilioError(21701)


def sender_of(service: MessagingService, sender: str, msisdn: str, text: str) -> str:
    """The sender that a service uses: the requested one, or by a hash of the recipient (sticky) and the text.

    Raises ``TwilioError`` 21703 for an empty pool, 21711 for a sender that is not of the pool.
    """
    pool = service.senders
    if not pool:
        raise TwilioError(21703)
    if sender:
        if sender not in pool:
            raise TwilioError(21711)
        return sender
    if len(pool) == 1:
        return pool[0]
    chosen_by = msisdn if service.sticky_sender else msisdn + text
    digest = blake2b(chosen_by.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return pool[int.from_bytes(digest, "little") % len(pool)]
