"""An account's contacts and their groups. Times are unix seconds, given by the caller."""

from __future__ import annotations

from msgspec import Struct


class Contact(Struct, frozen=True, gc=False):
    """``details`` are its other texts, by field name; ``searched`` is the text that a search looks into."""

    id: str
    msisdn: str  # E.164 digits; "": it has none
    details: dict[str, str]
    created_s: float
    updated_s: float
    searched: str = ""


class ContactGroup(Struct, frozen=True, gc=False):
    """``expire_after_days``: the requested value; contacts do not expire here."""

    id: str
    name: str
    description: str
    reference: str | None
    expire_after_days: int | None
    created_s: float
    updated_s: float


class ContactBook:
    """Bounded: an entry beyond the capacity is refused, and no other entry is dropped."""

    def __init__(
        self, most_contacts: int = 10_000, most_groups: int = 1_000, most_members: int = 20_000
    ) -> None:
        self._most_contacts = most_contacts
        self._most_groups = most_groups
        self._most_members = most_members
        self._contacts: dict[str, Contact] = {}
        self._groups: dict[str, ContactGroup] = {}
        self._members: dict[str, dict[str, None]] = {}  # contact ids by group id
        self._groups_of: dict[str, dict[str, None]] = {}  # group ids by contact id
        self._member_count = 0

    def contacts(self) -> list[Contact]:
        return list(self._contacts.values())

    def contact(self, contact_id: str) -> Contact | None:
        return self._contacts.get(contact_id)

    def put_contact(self, contact: Contact) -> bool:
        """Add an entry, or replace the one with its id. False: there are too many."""
        if contact.id not in self._contacts:
            if len(self._contacts) >= self._most_contacts:
                return False
            self._groups_of[contact.id] = {}
        self._contacts[contact.id] = contact
        return True

    def remove_contact(self, contact_id: str) -> bool:
        """Remove a contact, also from its groups. False: there is no such contact."""
        if contact_id not in self._contacts:
            return False
        for group_id in list(self._groups_of[contact_id]):
            self.leave(contact_id, group_id)
        del self._contacts[contact_id], self._groups_of[contact_id]
        return True

    def remove_contacts(self) -> None:
        self._contacts.clear()
        self._groups_of.clear()
        for members in self._members.values():
            members.clear()
        self._member_count = 0

    def groups(self) -> list[ContactGroup]:
        return list(self._groups.values())

    def group(self, group_id: str) -> ContactGroup | None:
        return self._groups.get(group_id)

    def group_named(self, name: str) -> ContactGroup | None:
        return next((group for group in self._groups.values() if group.name == name), None)

    def put_group(self, group: ContactGroup) -> bool:
        """Add an entry, or replace the one with its id. False: there are too many."""
        if group.id not in self._groups:
            if len(self._groups) >= self._most_groups:
                return False
            self._members[group.id] = {}
        self._groups[group.id] = group
        return True

    def remove_group(self, group_id: str, with_contacts: bool = False) -> bool:
        """``with_contacts``: remove its members too. False: there is no such group."""
        if group_id not in self._groups:
            return False
        for contact_id in list(self._members[group_id]):
            self.leave(contact_id, group_id)
            if with_contacts:
                self.remove_contact(contact_id)
        del self._groups[group_id], self._members[group_id]
        return True

    def remove_groups(self) -> None:
        self._groups.clear()
        self._members.clear()
        for groups in self._groups_of.values():
            groups.clear()
        self._member_count = 0

    def join(self, contact_id: str, group_id: str) -> bool:
        """Put a known contact into a known group. False: there are too many memberships."""
        members = self._members[group_id]
        if contact_id in members:
            return True
        if self._member_count >= self._most_members:
            return False
        members[contact_id] = self._groups_of[contact_id][group_id] = None
        self._member_count += 1
        return True

    def leave(self, contact_id: str, group_id: str) -> None:
        members = self._members.get(group_id, {})
        if contact_id in members:
            del members[contact_id], self._groups_of[contact_id][group_id]
            self._member_count -= 1

    def is_member(self, contact_id: str, group_id: str) -> bool:
        return contact_id in self._members.get(group_id, {})

    def members(self, group_id: str) -> list[Contact]:
        return [self._contacts[contact_id] for contact_id in self._members.get(group_id, {})]

    def member_count(self, group_id: str) -> int:
        return len(self._members.get(group_id, {}))

    def groups_of(self, contact_id: str) -> list[ContactGroup]:
        return [self._groups[group_id] for group_id in self._groups_of.get(contact_id, {})]
