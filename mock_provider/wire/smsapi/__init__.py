"""The SMSAPI wire (smsapi.pl, smsapi.com): sends, look-ups, one-time codes, and reports by GET.

What it speaks, and what of that is uncertain, is in docs/smsapi.md.
"""

from mock_provider.wire.smsapi.kept import Kept
from mock_provider.wire.smsapi.whole import smsapi_of
from mock_provider.wire.smsapi.wire import Smsapi

__all__ = ["Kept", "Smsapi", "smsapi_of"]
