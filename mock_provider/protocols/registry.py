"""The HTTP protocols of the provider: one line each."""

from __future__ import annotations

from mock_provider.profiles import Profile
from mock_provider.protocols import generic, smsapi, twilio
from mock_provider.protocols.http_protocol import HttpProtocol, ProtocolContext, Start
from mock_provider.protocols.unread_fields import UnreadFields

# By the name in ``Submit.protocol``, which is also the name of the profile's table.
HTTP_PROTOCOLS: dict[str, Start] = {
    "smsapi": smsapi.start,
    "twilio": twilio.start,
    "generic": generic.start,
}


class HttpProtocols:
    """The protocols of one provider, by path and by name."""

    def __init__(self, profile: Profile, seed: int) -> None:
        self._seed = seed
        self.unread_fields = UnreadFields()
        self.reset(profile)

    def reset(self, profile: Profile) -> None:
        """Forget what the protocols have stored."""
        self.unread_fields.clear()
        context = ProtocolContext(self._seed, self.unread_fields)
        self._of_profile = {name: start(context) for name, start in HTTP_PROTOCOLS.items()}
        self.use(profile)

    def use(self, profile: Profile) -> None:
        """Apply the settings of this profile from now on."""
        self._named = {name: of_profile(profile) for name, of_profile in self._of_profile.items()}
        protocols = self._named.values()
        self._at_path = {path: protocol for protocol in protocols for path in protocol.paths}
        self._below = [(prefix, protocol) for protocol in protocols for prefix in protocol.prefixes]

    def at(self, path: str) -> HttpProtocol | None:
        """The protocol that serves this request path."""
        protocol = self._at_path.get(path)
        if protocol is None:
            return next((each for prefix, each in self._below if path.startswith(prefix)), None)
        return protocol

    def named(self, name: str) -> HttpProtocol:
        return self._named[name]
