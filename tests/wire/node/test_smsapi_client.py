"""The official JavaScript client of SMSAPI, unmodified: each call a sender uses, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from node_scripts import RunNode
from wire_provider import started

from mock_provider.testing import ProviderThread

NUMBER, OTHER = "48500100200", "48500100201"


class Called:
    """The result of each call of ``smsapi_calls.js``."""

    def __init__(self, results: dict[str, Any], provider: ProviderThread) -> None:
        self._results = results
        self.provider = provider

    def value(self, name: str) -> Any:
        result = self._results[name]
        assert "value" in result, (name, result)
        return result["value"]

    def error(self, name: str) -> tuple[Any, Any]:
        """Error code and words: of a legacy endpoint its own, of a REST one HTTP's."""
        result = self._results[name]
        assert "error" in result, (name, result)
        if result["error"] == "HttpError":
            return result["status"], result["data"]["message"]
        return result["data"]["error"], result["data"]["message"]

    def texts(self) -> list[str]:
        return [m["text"] for m in self.provider.messages()]


@pytest.fixture(scope="module")
def shared_provider() -> Iterator[ProviderThread]:
    with started() as provider:
        yield provider


@pytest.fixture(scope="module")
def called(run_node: RunNode, shared_provider: ProviderThread) -> Called:
    results = run_node("smsapi_calls.js", shared_provider.url + "/api", shared_provider.token)
    return Called(results, shared_provider)


def sent(called: Called, name: str) -> list[tuple[str, str]]:
    return [(each["number"], each["submittedNumber"]) for each in called.value(name)["list"]]


def test_sends(called: Called) -> None:
    (one,) = called.value("one")["list"]
    assert (one["number"], one["idx"], one["status"], one["parts"]) == (NUMBER, "js-1", "QUEUE", 1)
    assert isinstance(one["points"], float)
    assert called.error("repeated")[0] == 53
    assert sent(called, "many") == [(NUMBER, "+48500100200"), (OTHER, OTHER)]
    assert called.value("many")["message"] == "zażółć"
    assert {"Hi Ann", "Hi Bo"} < set(called.texts())
    assert called.value("flash")["count"] == called.value("test_only")["count"] == 1
    assert called.error("flash_special")[0] == 17
    assert called.error("nounicode")[0] == 11
    assert called.error("bad_sender")[0] == 14


def test_dates(called: Called) -> None:
    assert called.error("past") == (54, "Wrong date, only unix timestamp and ISO 8601 are allowed")
    (later,) = called.value("later")["list"]
    assert called.value("removed") == {"count": 1, "list": [{"id": later["id"]}]}
    assert called.value("removed_again") == {"error": 301, "message": "Not exists ID message"}


def test_look_ups(called: Called) -> None:
    one = called.value("hlr_one")
    assert (one["number"], one["status"], one["price"]) == (NUMBER, "OK", 0.04)
    wrong = {"number": "48500", "status": "ERROR", "error": 13}
    assert called.value("hlr_wrong") == wrong
    assert called.value("hlr_several") == [one, wrong]


def test_profile(called: Called) -> None:
    profile = called.value("profile")
    assert len(profile["id"]) == 24
    assert (profile["username"], profile["paymentType"], profile["userType"]) == (
        "smsbench",
        "prepaid",
        "native",
    )


def test_one_time_codes(called: Called) -> None:
    code, named = called.value("code"), called.value("code_named")
    assert (code["phoneNumber"], code["from"], len(code["code"])) == (NUMBER, None, 6)
    assert named["from"] == "Bank"
    assert f"PIN {named['code']}" in called.texts()
    assert called.error("code_wrong") == (404, "Not found")
    assert called.error("code_landline") == (400, "The value is not valid mobile number.")
    # What the client makes of a reply without a body.
    assert called.value("code_right") == ""


def test_sender_names(called: Called) -> None:
    added = called.value("name_added")
    assert (added["sender"], added["status"], added["isDefault"]) == ("Shop", "ACTIVE", False)
    assert called.value("name")["isDefault"]
    assert [each["sender"] for each in called.value("names")["collection"]] == ["Test", "Shop"]
    assert called.error("name_gone") == (404, "Not found resource")


def test_contacts(called: Called) -> None:
    ann = called.value("contact")
    assert (ann["firstName"], ann["phoneNumber"], ann["birthdayDate"]) == ("Ann", NUMBER, "1986-10-04")
    assert (ann["gender"], ann["city"], ann["email"]) == ("female", "Gliwice", "ann@example.com")
    assert called.value("contact_by_id") == ann
    bare = called.value("contact_bare")
    assert (bare["phoneNumber"], bare["gender"], bare["firstName"]) == (OTHER, "undefined", None)
    assert called.value("contact_changed")["firstName"] == "Bo"
    assert called.value("contacts")["size"] == 2
    assert [each["id"] for each in called.value("contacts_found")["collection"]] == [ann["id"]]
    assert called.error("contact_gone") == (404, "Cannot find contact")


def test_groups(called: Called) -> None:
    group = called.value("group")
    assert (group["name"], group["description"], group["idx"], group["contactsCount"]) == (
        "friends",
        "d",
        "g-1",
        0,
    )
    assert group["permissions"][0]["username"] == "smsbench"
    assert called.error("group_twice")[0] == 409
    assert called.value("group_changed")["description"] == "all of them"
    assert called.value("assigned")["collection"][0]["id"] == group["id"]
    assert called.value("groups_of")["size"] == called.value("groups")["size"] == 1
    assert called.value("group_of")["id"] == called.value("group_by_id")["id"] == group["id"]
    assert called.value("group_by_id")["contactsCount"] == 2
    assert sent(called, "to_group") == [(NUMBER, NUMBER), (OTHER, OTHER)]
    assert called.error("to_no_group")[0] == 40
    assert sent(called, "to_smaller_group") == [(NUMBER, NUMBER)]
    assert called.error("group_gone") == (404, "Group not found")


def test_templates(called: Called) -> None:
    template = called.value("template")
    assert (template["name"], template["template"]) == ("code", "Kod: [%1%] ż")
    assert called.value("template_by_id") == template == called.value("templates")["collection"][0]
    assert called.value("template_sent")["message"] == "Kod 123 z"
    assert called.error("template_unknown")[0] == 104
    assert called.error("template_gone")[0] == 404


def test_what_is_not_served_is_refused_by_the_apis_own_word(called: Called) -> None:
    assert called.error("subusers") == (403, "Access forbidden: /subusers is not simulated")
    assert called.error("fields") == (403, "Access forbidden: /contacts/fields is not simulated")
    assert called.error("mms")[0] == called.error("vms")[0] == 110


def test_no_field_of_the_client_goes_unread(called: Called) -> None:
    assert called.provider.state()["unread_fields"] == {}
