"""The SMSAPI protocol (smsapi.pl, smsapi.com): sends, lookups, one-time codes, and reports by GET.

docs/smsapi.md lists the supported requests, and behaviour that is uncertain.
"""

from mock_provider.protocols.smsapi.protocol import Smsapi, start

__all__ = ["Smsapi", "start"]
