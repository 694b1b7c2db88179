"""An account's message templates, by name."""

from __future__ import annotations

from msgspec import Struct


class MessageTemplate(Struct, frozen=True, gc=False):
    """``normalize``: replace accents before sending."""

    id: str
    name: str
    text: str
    normalize: bool = False


class MessageTemplates:
    """At most ``capacity`` of them, each name once."""

    def __init__(self, capacity: int = 1_000) -> None:
        self._capacity = capacity
        self._of_id: dict[str, MessageTemplate] = {}

    def listed(self) -> list[MessageTemplate]:
        return list(self._of_id.values())

    def find(self, template_id: str) -> MessageTemplate | None:
        return self._of_id.get(template_id)

    def named(self, name: str) -> MessageTemplate | None:
        return next((each for each in self._of_id.values() if each.name == name), None)

    def put(self, template: MessageTemplate) -> bool:
        """Add it, or replace the one with its id. False: there are too many."""
        if template.id not in self._of_id and len(self._of_id) >= self._capacity:
            return False
        self._of_id[template.id] = template
        return True

    def remove(self, template_id: str) -> bool:
        """False: there is none of this id."""
        return self._of_id.pop(template_id, None) is not None
