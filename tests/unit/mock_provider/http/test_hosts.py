import pytest

from mock_provider.http.hosts import AllowedHosts, is_valid_host, origin_form


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("", True),  # HTTP/1.0
        ("localhost", True),
        ("localhost:8080", True),
        ("LocalHost.", True),
        ("shop.localhost:1", True),
        ("127.0.0.1:8080", True),
        ("192.168.7.1", True),
        ("[::1]:8080", True),
        ("[::1]", True),
        ("sms-mock", True),
        ("SMS-Mock:8080", True),
        ("bound.example:80", True),
        ("evil.example", False),
        ("evil.example:8080", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("evillocalhost", False),
        ("sms-mock.evil.example", False),
        ("user@localhost", False),
    ],
)
def test_names_of_others_are_not_allowed(host: str, allowed: bool) -> None:
    assert AllowedHosts(["bound.example", "sms-mock"]).allows(host) is allowed


@pytest.mark.parametrize(
    ("value", "valid"),
    [
        ("", True), ("a_b.example:80", True), ("[::1]:1", True), ("xn--lda.example", True),
        ("a b", False), ("a/b", False), ("u@a", False), ("a:b", False), ("::1", False), ("ż", False),
        ("a,b", True),
    ],
)  # fmt: skip
def test_what_a_host_header_can_be(value: str, valid: bool) -> None:
    assert is_valid_host(value) is valid


def test_an_absolute_target_has_its_own_host() -> None:
    assert origin_form(b"http://Evil.example:8080/admin/state?x=1") == (
        b"/admin/state?x=1",
        "Evil.example:8080",
    )
    assert origin_form(b"http://a?x") == (b"/?x", "a")
    assert origin_form(b"*") == (b"*", "")
