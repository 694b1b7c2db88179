"""The Twilio protocol: the Messages resource of the REST API of 2010-04-01, and its status callbacks.

docs/twilio.md lists the supported requests, and behaviour that is uncertain.
"""

from mock_provider.protocols.twilio.protocol import Twilio, start

__all__ = ["Twilio", "start"]
