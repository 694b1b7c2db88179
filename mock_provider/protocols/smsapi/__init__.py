"""The SMSAPI protocol (smsapi.pl, smsapi.com): sends, look-ups, one-time codes, and reports by GET.

What it speaks, and what of that is uncertain, is in docs/smsapi.md.
"""

from mock_provider.protocols.smsapi.protocol import Smsapi, start

__all__ = ["Smsapi", "start"]
