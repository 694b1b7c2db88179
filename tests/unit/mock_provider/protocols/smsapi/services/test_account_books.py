"""What an account keeps at the provider: blacklist, contacts and groups, templates. All of it is bounded."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mock_provider.protocols.smsapi.services.blacklist import Blacklist, BlockedNumber
from mock_provider.protocols.smsapi.services.contact_book import Contact, ContactBook, ContactGroup
from mock_provider.protocols.smsapi.services.message_templates import MessageTemplate, MessageTemplates
from mock_provider.protocols.unread_fields import UnreadFields

IDS = st.sampled_from("abcdef")


def contact(name: str) -> Contact:
    return Contact(name, "48500100200", {}, 0.0, 0.0)


def group(name: str) -> ContactGroup:
    return ContactGroup(name, name, "", None, None, 0.0, 0.0)


def test_a_number_is_blocked_until_its_entry_ends() -> None:
    blacklist = Blacklist()
    assert blacklist.add(BlockedNumber("1", "48500100200", 0.0, expires_s=100.0))
    assert blacklist.among(["48500100200", "48500100201"], 99.9) == {"48500100200"}
    assert blacklist.among(["48500100200"], 100.0) == frozenset()
    assert blacklist.listed(99.9, "100200") == [BlockedNumber("1", "48500100200", 0.0, 100.0)]
    assert blacklist.listed(100.0) == blacklist.listed(0.0, "999") == []


def test_a_number_is_on_the_blacklist_once() -> None:
    blacklist = Blacklist(capacity=1)
    assert blacklist.add(BlockedNumber("1", "48500100200", 0.0))
    assert blacklist.add(BlockedNumber("2", "48500100200", 1.0, 5.0))  # again, although it is full
    assert not blacklist.add(BlockedNumber("3", "48500100201", 1.0))
    assert [entry.id for entry in blacklist.listed(2.0)] == ["2"]
    assert not blacklist.remove("1")
    assert blacklist.remove("2")
    assert len(blacklist) == 0
    blacklist.remove_number("48500100200")


def test_the_number_of_templates_is_limited() -> None:
    templates = MessageTemplates(capacity=1)
    assert templates.put(MessageTemplate("1", "a", "x"))
    assert templates.put(MessageTemplate("1", "b", "y"))
    assert not templates.put(MessageTemplate("2", "c", "z"))
    assert templates.named("a") is None
    assert templates.named("b") == templates.find("1") == MessageTemplate("1", "b", "y")
    assert templates.remove("1")
    assert not templates.remove("1")


def test_the_size_of_a_contact_book_is_limited() -> None:
    book = ContactBook(most_contacts=2, most_groups=2, most_members=2)
    assert all(book.put_contact(contact(name)) for name in "aba")
    assert not book.put_contact(contact("c"))
    assert all(book.put_group(group(name)) for name in "xyx")
    assert not book.put_group(group("z"))
    assert book.join("a", "x")
    assert book.join("b", "x")
    assert book.join("a", "x")  # it is there already
    assert not book.join("a", "y")
    book.leave("b", "x")
    assert book.join("a", "y")


class Books(RuleBasedStateMachine):
    """A contact book against a plain set of pairs."""

    def __init__(self) -> None:
        super().__init__()
        self.book = ContactBook(most_contacts=4, most_groups=4, most_members=6)
        self.contacts: set[str] = set()
        self.groups: set[str] = set()
        self.pairs: set[tuple[str, str]] = set()

    @rule(name=IDS)
    def add_contact(self, name: str) -> None:
        fits = name in self.contacts or len(self.contacts) < 4
        assert self.book.put_contact(contact(name)) is fits
        if fits:
            self.contacts.add(name)

    @rule(name=IDS)
    def add_group(self, name: str) -> None:
        fits = name in self.groups or len(self.groups) < 4
        assert self.book.put_group(group(name)) is fits
        if fits:
            self.groups.add(name)

    @rule(name=IDS)
    def remove_contact(self, name: str) -> None:
        assert self.book.remove_contact(name) is (name in self.contacts)
        self.contacts.discard(name)

    @rule(name=IDS, with_contacts=st.booleans())
    def remove_group(self, name: str, with_contacts: bool) -> None:
        assert self.book.remove_group(name, with_contacts) is (name in self.groups)
        if with_contacts and name in self.groups:
            self.contacts -= {c for c, g in self.pairs if g == name}
        self.groups.discard(name)

    @rule(one=IDS, other=IDS)
    def join(self, one: str, other: str) -> None:
        self._forget()
        if one in self.contacts and other in self.groups:
            fits = (one, other) in self.pairs or len(self.pairs) < 6
            assert self.book.join(one, other) is fits
            if fits:
                self.pairs.add((one, other))

    @rule(one=IDS, other=IDS)
    def leave(self, one: str, other: str) -> None:
        self.book.leave(one, other)
        self.pairs.discard((one, other))

    @rule(groups=st.booleans())
    def clear(self, groups: bool) -> None:
        if groups:
            self.book.remove_groups()
            self.groups.clear()
        else:
            self.book.remove_contacts()
            self.contacts.clear()

    @invariant()
    def they_agree(self) -> None:
        self._forget()
        assert {c.id for c in self.book.contacts()} == self.contacts
        assert {g.id for g in self.book.groups()} == self.groups
        for name in self.groups:
            members = {c for c, g in self.pairs if g == name}
            assert {c.id for c in self.book.members(name)} == members
            assert self.book.member_count(name) == len(members)
        for name in self.contacts:
            assert {g.id for g in self.book.groups_of(name)} == {g for c, g in self.pairs if c == name}

    def _forget(self) -> None:
        self.pairs = {(c, g) for c, g in self.pairs if c in self.contacts and g in self.groups}


TestBooks = Books.TestCase
TestBooks.settings = settings(deadline=None, max_examples=100)


def test_unread_fields_are_logged_once_and_their_names_are_bounded(caplog: Any) -> None:
    unread = UnreadFields()
    unread.note("sms.do", ["a", "b"])
    unread.note("sms.do", ["a"])
    assert unread.counts() == {"a": 2, "b": 1}
    assert len(caplog.records) == 2
    unread.note("sms.do", [f"n{n}" for n in range(1_000)])
    assert unread.counts()["(others)"] == 902
    assert len(unread.counts()) == 101
    assert len(caplog.records) == 100
    unread.clear()
    unread.note("sms.do", ["x" * 1_000])
    assert list(unread.counts()) == ["x" * 40]


@pytest.mark.parametrize("name", ["a\nb", "\x1b[0m"])
def test_a_field_name_cannot_break_the_log(name: str, caplog: Any) -> None:
    UnreadFields().note("sms.do", [name])
    assert caplog.records[0].getMessage().isprintable()
