"""Requests to SMSAPI's endpoints as clients of other languages write them, over a real socket."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from wire_provider import StartProvider

from mock_provider.testing import ProviderThread

NUMBER, OTHER, THIRD = "48500100200", "48500100201", "48500100202"
FORM = "application/x-www-form-urlencoded"


def ask(
    provider: ProviderThread, path: str, body: bytes, content_type: str = FORM, **headers: str
) -> tuple[int, Any]:
    status, reply = provider.request(
        path, body, "POST", Authorization=f"Bearer {provider.token}", Content_Type=content_type, **headers
    )
    try:
        return status, json.loads(reply)
    except ValueError:
        return status, reply.decode()


def texts(provider: ProviderThread) -> list[str]:
    return [m["text"] for m in provider.admin("/messages")[1]["messages"]]


def test_lists_as_php_writes_them(provider: ProviderThread) -> None:
    """The official PHP client: its external ids are an array for one number too."""
    body = b"format=json&to=48500100200&message=Hi+%5B%251%25%5D&param1%5B0%5D=Ann&idx%5B0%5D=A1&check_idx=1"
    assert ask(provider, "/sms.do", body)[1]["list"][0]["idx"] == "A1"
    assert ask(provider, "/sms.do", body)[1]["error"] == 53
    assert texts(provider) == ["Hi Ann"]


def test_multipart_as_dotnet_writes_it(provider: ProviderThread) -> None:
    fields = {"to": NUMBER, "message": "zażółć", "format": "json"}
    parts = (
        "--B\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Disposition: form-data; name={name}\r\n\r\n{value}"
        for name, value in fields.items()
    )
    body = ("\r\n".join(parts) + "\r\n--B--\r\n").encode()
    assert ask(provider, "/sms.do", body, 'multipart/form-data; boundary="B"')[1]["count"] == 1
    assert texts(provider) == ["zażółć"]


def test_a_compressed_body_is_refused_by_every_protocol(provider: ProviderThread) -> None:
    body = gzip.compress(b"format=json&to=48500100200&message=x")
    for path in (
        "/sms.do",
        "/2010-04-01/Accounts/AC/Messages.json",
        "/v1/messages",
        "/mfa/codes",
        "/admin/reset",
    ):
        status, reply = ask(provider, path, body, Content_Encoding="gzip")
        assert (status, reply["error"]) == (415, "http_415"), path
    plain = gzip.decompress(body)
    assert ask(provider, "/sms.do", plain, Content_Encoding="identity")[1]["count"] == 1
    # A head that was learnt does not let a compressed body through.
    assert ask(provider, "/sms.do", plain)[1]["count"] == 1
    assert ask(provider, "/sms.do", body, Content_Encoding="gzip")[0] == 415


def test_a_byte_order_mark_before_json(provider: ProviderThread) -> None:
    mark = b"\xef\xbb\xbf"
    send = json.dumps({"to": NUMBER, "message": "x", "format": "json"}).encode()
    assert ask(provider, "/sms.do", mark + send, "application/json")[1]["count"] == 1
    generic = json.dumps({"messages": [{"to": NUMBER, "text": "x"}]}).encode()
    assert ask(provider, "/v1/messages", mark + generic, "application/json")[1]["accepted"] == 1


def test_a_wrong_charset_is_answered_in_the_format_asked_for(provider: ProviderThread) -> None:
    body = b"to=48500100200&message=%BF"
    assert ask(provider, "/sms.do", body) == (200, "ERROR:8")
    status, error = ask(provider, "/sms.do", body + b"&format=json")
    assert (status, error["error"]) == (200, 8)
    assert error["message"] == "Error in request: encoding: the text is not utf-8"
    assert ask(provider, "/hlr.do", b"number=%BF&format=json")[1]["error"] == 8
    assert ask(provider, "/user.do", b"credits=%BF&format=json")[1]["error"] == 8


def test_fields_that_are_not_read_are_counted(
    provider: ProviderThread, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        ask(provider, "/sms.do", b"to=48500100200&message=x&nortify_url=http%3A%2F%2Fx&fallback[0][type]=vms")
    ask(provider, "/mfa/codes", b"phone_number=48500100200&text=x")
    assert provider.state()["unread_fields"] == {"nortify_url": 2, "fallback": 2, "text": 1}
    warnings = [r.getMessage() for r in caplog.records if r.name == "mock_provider.protocols.unread_fields"]
    assert len(warnings) == 3
    assert all("http://x" not in each for each in warnings)
    assert provider.admin("/reset", {}, "POST")[0] == 200
    assert provider.state()["unread_fields"] == {}


def test_several_groups(start: StartProvider) -> None:
    groups = {"a": [NUMBER], "b": [OTHER, NUMBER], "c,d": [THIRD], "none": []}
    provider = start(protocol={"smsapi": {"groups": groups}})

    def numbers(group: str) -> list[str] | int:
        reply = ask(provider, "/sms.do", f"format=json&message=x&{group}".encode())[1]
        found: list[str] | int = (
            [each["number"] for each in reply["list"]] if "list" in reply else reply["error"]
        )
        return found

    assert (
        numbers("group=a,b")
        == numbers("group[]=a&group[]=b")
        == numbers("group=a&group=b")
        == [NUMBER, OTHER]
    )
    assert numbers("group=c,d") == numbers("group[]=c,d") == [THIRD]
    assert numbers("group[]=a,b&group[]=c,d") == [NUMBER, OTHER, THIRD]
    assert numbers("group=a,none") == [NUMBER]
    assert numbers("group=none") == 41
    assert numbers("group=a,unknown") == 40
    assert numbers(f"group=a&to={OTHER}") == 8


def test_look_ups_of_several_numbers_by_every_endpoint(provider: ProviderThread) -> None:
    form = b"format=json&number=48500100200,12&idx=a%7Cb"
    found = ask(provider, "/hlr.do", form)[1]
    assert [(each["number"], each["status"]) for each in found] == [(NUMBER, "OK"), ("12", "ERROR")]
    assert found[1] == {"number": "12", "status": "ERROR", "error": 13}
    counted = ask(provider, "/hlrsync.do", form)[1]
    assert counted["count"] == 2
    assert (counted["list"][0]["idx"], counted["list"][0]["mcc"]) == ("a", 260)
    assert counted["list"][1] == found[1]
    alone = ask(provider, "/hlrsync.do", b"format=json&number[0]=48500100200")[1]
    assert (alone["count"], alone["list"][0]["status"]) == (1, "OK")
    for idx, shown in ((b"a,b", ["a", "b"]), (b"a%7Cb", ["a", "b"]), (b"a%7Cb,c", ["a", "b,c"])):
        two = ask(provider, "/hlrsync.do", b"format=json&number=48500100200,48500100201&idx=" + idx)[1]
        assert [each["idx"] for each in two["list"]] == shown
    one = ask(provider, "/hlrsync.do", b"format=json&number=48500100200&idx=a,b")[1]
    assert one["list"][0]["idx"] == "a,b"
    assert ask(provider, "/hlr.do", b"number=48500100200,12")[1].endswith(";ERROR:13")
    assert ask(provider, "/hlr.do", b"format=json")[1]["error"] == 13


def test_groups_of_a_contact_as_go_assigns_them(provider: ProviderThread) -> None:
    contact = ask(provider, "/contacts", b"phone_number=48500100200")[1]
    groups = [ask(provider, "/contacts/groups", f"name={name}".encode())[1]["id"] for name in "ab"]
    body = f"0={groups[0]}&1={groups[1]}".encode()
    status, assigned = ask(provider, f"/contacts/{contact['id']}/groups", body)
    assert (status, assigned["size"]) == (201, 2)
    assert ask(provider, f"/contacts/{contact['id']}/groups", body) == (200, {"size": 0, "collection": []})
    assert ask(provider, f"/contacts/groups/{groups[0]}/members", b"phone_number=48500100201")[0] == 204
    assert ask(provider, f"/contacts/groups/{'0' * 24}/members", b"q=x")[0] == 404


def test_members_are_put_in_moved_and_taken_out_by_what_they_are(provider: ProviderThread) -> None:
    headers: dict[str, Any] = {"Authorization": f"Bearer {provider.token}", "Content_Type": FORM}
    for number, name in ((NUMBER, "Ann"), (OTHER, "Bo"), (THIRD, "Bo")):
        ask(provider, "/contacts", f"phone_number={number}&first_name={name}".encode())
    a, b = (ask(provider, "/contacts/groups", f"name={name}".encode())[1]["id"] for name in "ab")

    def counts() -> list[int]:
        listed = json.loads(provider.request("/contacts/groups", **headers)[1])["collection"]
        return [group["contacts_count"] for group in listed]

    assert ask(provider, f"/contacts/groups/{a}/members", b"")[0] == 204
    assert counts() == [3, 0]
    assert provider.request(f"/contacts/groups/{b}/members", b"first_name=Bo", "PUT", **headers)[0] == 204
    assert counts() == [1, 2]
    query = f"/contacts/groups/{b}/members?phone_number={THIRD}"
    assert provider.request(query, None, "DELETE", **headers)[0] == 204
    assert counts() == [1, 1]
    # A group goes alone, unless its contacts are to go with it.
    assert provider.request(f"/contacts/groups/{a}?delete_contacts=0", None, "DELETE", **headers)[0] == 204
    assert json.loads(provider.request("/contacts", **headers)[1])["size"] == 3
    assert provider.request(f"/contacts/groups/{b}", b"delete_contacts=true", "DELETE", **headers)[0] == 204
    assert json.loads(provider.request("/contacts", **headers)[1])["size"] == 2


def test_pages_of_a_listing(provider: ProviderThread) -> None:
    headers: dict[str, Any] = {"Authorization": f"Bearer {provider.token}"}
    for n in range(7):
        ask(provider, "/blacklist/phone_numbers", f"phone_number=4850010020{n}".encode())

    def page(query: str) -> list[str]:
        listed = json.loads(provider.request(f"/blacklist/phone_numbers{query}", **headers)[1])
        assert listed["size"] == 7
        return [each["phone_number"][-1] for each in listed["collection"]]

    assert page("") == list("01234")
    assert page("?limit=2&offset=3") == list("34")
    assert page("?limit=0") == []
    assert (
        provider.request("/blacklist/phone_numbers?phone_number=500100203", None, "DELETE", **headers)[0]
        == 204
    )
    listed = json.loads(provider.request("/blacklist/phone_numbers?limit=9", **headers)[1])
    assert [each["phone_number"][-1] for each in listed["collection"]] == list("012456")


def test_a_group_of_the_profile_keeps_its_name(start: StartProvider) -> None:
    provider = start(protocol={"smsapi": {"groups": {"friends": [NUMBER]}}})
    assert ask(provider, "/contacts/groups", b"name=friends")[0] == 409


def test_methods_and_paths_that_are_not_there(provider: ProviderThread) -> None:
    headers: dict[str, Any] = {"Authorization": f"Bearer {provider.token}"}
    for path, method, status in (
        ("/contacts/groups/", "GET", 200),  # as the PHP client writes it
        ("/api/blacklist/phone_numbers/", "GET", 200),
        ("/contacts", "PATCH", 405),
        ("/sms/templates/available", "PUT", 405),
        ("/contacts/a/b/c/d", "GET", 404),
        ("/contacts/groups/x/permissions/y", "PUT", 403),
        ("/callbacks/1", "GET", 403),
    ):
        assert provider.request(path, None, method, **headers)[0] == status, path
