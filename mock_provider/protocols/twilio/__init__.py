"""The Twilio protocol: the Messages resource of the REST API of 2010-04-01, and its status callbacks.

What it speaks, and what of that is uncertain, is in docs/twilio.md.
"""

from mock_provider.protocols.twilio.protocol import Twilio, start

__all__ = ["Twilio", "start"]
