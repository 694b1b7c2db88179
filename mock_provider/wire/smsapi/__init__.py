"""The SMSAPI wire (smsapi.pl, smsapi.com): sends, balance, profile, ping, and reports by GET.

What it speaks, and what of that is uncertain, is in docs/provider.md.
"""

from mock_provider.wire.smsapi.wire import Smsapi

__all__ = ["Smsapi"]
