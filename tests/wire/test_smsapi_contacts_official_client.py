"""Contacts, groups and blacklist by the official Python client, unmodified, over a real socket."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from smsapi.client import Client
from smsapi.exception import EndpointException, SendException

from mock_provider.testing import ProviderThread

NUMBER, OTHER, THIRD = "48500100200", "48500100201", "48500100202"


@pytest.fixture
def client(provider: ProviderThread) -> Client:
    return Client(provider.url + "/", access_token=provider.token)


def rest(provider: ProviderThread, method: str, path: str) -> tuple[int, Any]:
    """Status and JSON of a request that the official client has no method for."""
    status, reply = provider.request(path, None, method, Authorization=f"Bearer {provider.token}")
    return status, json.loads(reply) if reply else None


def refused(call: Any, **arguments: Any) -> tuple[int, str]:
    """HTTP status and words of a REST error."""
    with pytest.raises(EndpointException) as error:
        call(**arguments)
    return error.value.code, json.loads(error.value.message)["message"]


def test_a_contact_from_its_making_to_its_end(client: Client) -> None:
    made = client.contacts.create_contact(
        phone_number="500100200", first_name="Jon", email="jon@example.com", birthday_date="1986-10-04"
    )
    assert (made.first_name, made.phone_number, made.gender) == ("Jon", NUMBER, "undefined")
    assert made.birthday_date == date(1986, 10, 4)
    assert made.date_created.year >= 2026
    assert client.contacts.get_contact(contact_id=made.id) == made
    changed = client.contacts.update_contact(contact_id=made.id, last_name="Doe")
    assert (changed.first_name, changed.last_name) == ("Jon", "Doe")
    client.contacts.create_contact(phone_number=OTHER, first_name="Joan")
    assert [c.first_name for c in client.contacts.list_contacts(orderBy="first_name")] == ["Joan", "Jon"]
    assert [c.id for c in client.contacts.list_contacts(q="JON@")] == [made.id]
    assert client.contacts.list_contacts(limit=1).size == 2
    assert [c.first_name for c in client.contacts.list_contacts(limit=1, offset=1)] == ["Joan"]
    client.contacts.delete_contact(contact_id=made.id)
    assert refused(client.contacts.get_contact, contact_id=made.id) == (404, "Cannot find contact")


def test_invalid_contacts_are_refused(client: Client) -> None:
    create = client.contacts.create_contact
    assert refused(create, phone_number="12") == (400, "The value is not valid phone number.")
    assert refused(create, first_name="Jon") == (400, "This value should not be blank.")
    assert refused(create, phone_number=NUMBER, gender="x")[0] == 400
    assert refused(create, phone_number=NUMBER, birthday_date="4.10.1986")[0] == 400
    assert refused(client.contacts.list_contacts, limit="many")[0] == 400
    assert refused(client.contacts.list_contacts, orderBy="height")[0] == 400
    assert client.contacts.list_contacts().size == 0


def test_groups_are_whom_a_message_is_sent_to(client: Client) -> None:
    contacts = client.contacts
    group = contacts.create_group(name="friends", description="d", idx="g")
    assert (group.name, group.idx, group.contacts_count, group.permissions[0].send) == (
        "friends",
        "g",
        0,
        True,
    )
    assert refused(contacts.create_group, name="friends")[0] == 409
    with pytest.raises(SendException) as empty:
        client.sms.send_to_group(group="friends", message="Hello")
    assert empty.value.code == 41
    people = [contacts.create_contact(phone_number=number, first_name=number) for number in (NUMBER, OTHER)]
    for person in people:
        assert contacts.pin_contact_to_group(group_id=group.id, contact_id=person.id).id == person.id
    assert contacts.contact_is_in_group(group_id=group.id, contact_id=people[0].id).id == people[0].id
    assert contacts.get_group(group_id=group.id).contacts_count == 2
    assert [g.name for g in contacts.list_contact_groups(contact_id=people[0].id)] == ["friends"]
    other = contacts.create_group(name="Other friends")
    assert [g.id for g in contacts.list_groups()] == [group.id, other.id]
    assert [g.id for g in contacts.list_groups(name="OTHER")] == [other.id]
    assert [g.id for g in contacts.list_groups(name="eq(friends)")] == [group.id]
    assert [g.id for g in contacts.list_groups(group_id=other.id)] == [other.id]
    assert contacts.list_contact_groups(contact_id=people[0].id, group_id=other.id).size == 0
    sent = client.sms.send_to_group(group="friends", message="Hello", idx=["a", "b"])
    assert [(s.number, s.idx) for s in sent.results] == [(NUMBER, "a"), (OTHER, "b")]
    contacts.unpin_contact_from_group(group_id=group.id, contact_id=people[0].id)
    assert refused(contacts.contact_is_in_group, group_id=group.id, contact_id=people[0].id)[0] == 404
    contacts.unpin_contact_from_group_by_query(group_id=group.id, first_name=OTHER)
    assert contacts.get_group(group_id=group.id).contacts_count == 0
    assert contacts.update_group(group_id=group.id, name="all").name == "all"
    contacts.delete_group(group_id=group.id)
    assert refused(contacts.get_group, group_id=group.id) == (404, "Group not found")
    with pytest.raises(SendException) as gone:
        client.sms.send_to_group(group="all", message="Hello")
    assert gone.value.code == 40


def test_numbers_on_the_blacklist_are_left_out(client: Client, provider: ProviderThread) -> None:
    entry = client.blacklist.add_phone_number(phone_number="500100200")
    assert (entry.phone_number, entry.expire_at) == (NUMBER, None)
    with pytest.raises(SendException) as alone:
        client.sms.send(to=NUMBER, message="x", idx="i-1", check_idx=1)
    assert alone.value.code == 57
    assert [(n.number, n.reason) for n in alone.value.invalid_numbers] == [
        (NUMBER, "Phone number is on the blacklist")
    ]
    assert [s.number for s in client.sms.send(to=[NUMBER, OTHER], message="x").results] == [OTHER]
    with pytest.raises(SendException) as nobody:
        client.sms.send(to=[NUMBER, "12"], message="x")
    assert nobody.value.code == 13
    assert {n.submitted_number for n in nobody.value.invalid_numbers} == {NUMBER, "12"}
    with pytest.raises(EndpointException) as code:
        client.mfa.send_mfa(phone_number=NUMBER)
    assert code.value.code == 403
    assert provider.state()["accepted"] == 1
    client.blacklist.delete_phone_number(id=entry.id)
    # It was never taken, so its reference is free.
    assert client.sms.send(to=NUMBER, message="x", idx="i-1", check_idx=1).count == 1


def test_the_blacklist_is_listed_and_emptied(client: Client) -> None:
    blacklist = client.blacklist
    first = blacklist.add_phone_number(phone_number=NUMBER, expire_at="2060-01-01T20:00:00Z")
    assert first.expire_at.year == 2060
    blacklist.add_phone_number(phone_number=OTHER, expire_at="2020-01-01")
    blacklist.add_phone_number(phone_number=THIRD)
    assert [n.phone_number for n in blacklist.list_phone_numbers()] == [NUMBER, THIRD]
    assert [n.phone_number for n in blacklist.list_phone_numbers(q="202")] == [THIRD]
    assert client.sms.send(to=OTHER, message="x").count == 1  # its time is over
    assert refused(blacklist.add_phone_number, phone_number="x")[0] == 400
    assert refused(blacklist.add_phone_number, phone_number=NUMBER, expire_at="soon")[0] == 400
    assert refused(blacklist.delete_phone_number, id="nobody") == (404, "Not found resource")
    blacklist.delete_all_phone_numbers()
    assert blacklist.list_phone_numbers().size == 0
    assert client.sms.send(to=[NUMBER, THIRD], message="x").count == 2


def test_what_is_not_served_says_so(client: Client) -> None:
    contacts, group = client.contacts, {"group_id": "0" * 24}
    for call, arguments in (
        (contacts.list_custom_fields, {}),
        (contacts.create_custom_field, {"name": "x"}),
        (contacts.clean_trash, {}),
        (contacts.restore_contacts_in_trash, {}),
        (contacts.list_group_permissions, group),
        (client.shorturl.list_short_urls, {}),
    ):
        status, words = refused(call, **arguments)
        assert status == 403
        assert words.endswith("is not simulated")


def test_everything_wants_the_token_and_a_reset_forgets_it(client: Client, provider: ProviderThread) -> None:
    stranger = Client(provider.url + "/", access_token="wrong")
    for call in (
        stranger.contacts.list_contacts,
        stranger.contacts.list_groups,
        stranger.contacts.list_custom_fields,
        stranger.blacklist.list_phone_numbers,
        stranger.blacklist.delete_all_phone_numbers,
    ):
        assert refused(call) == (401, "Authorization failed")
    client.contacts.create_contact(phone_number=NUMBER)
    client.contacts.create_group(name="g")
    client.blacklist.add_phone_number(phone_number=NUMBER)
    assert provider.admin("/reset", {}, "POST")[0] == 200
    assert client.contacts.list_contacts().size == client.contacts.list_groups().size == 0
    assert client.blacklist.list_phone_numbers().size == 0


def test_a_contact_in_a_group_by_the_paths_of_other_clients(client: Client, provider: ProviderThread) -> None:
    ann = client.contacts.create_contact(phone_number=NUMBER)
    group = client.contacts.create_group(name="vip")
    membership = f"/contacts/{ann.id}/groups/{group.id}"
    assert rest(provider, "GET", membership)[0] == 404
    assert [rest(provider, "PUT", membership)[0] for _ in range(2)] == [201, 200]
    status, shown = rest(provider, "GET", membership)
    assert (status, shown["id"], shown["name"]) == (200, group.id, "vip")
    assert rest(provider, "DELETE", membership) == (204, None)
    assert rest(provider, "GET", membership)[0] == 404
    assert client.contacts.get_contact(contact_id=ann.id).id == ann.id


def test_all_groups_and_all_contacts_are_removed(client: Client, provider: ProviderThread) -> None:
    client.contacts.create_contact(phone_number=NUMBER)
    client.contacts.create_contact(phone_number=OTHER)
    client.contacts.create_group(name="vip")
    assert rest(provider, "DELETE", "/contacts/groups") == (204, None)
    assert (client.contacts.list_groups().size, client.contacts.list_contacts().size) == (0, 2)
    assert rest(provider, "DELETE", "/contacts") == (202, None)
    assert client.contacts.list_contacts().size == 0
