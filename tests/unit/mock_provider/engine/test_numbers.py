import pytest

from mock_provider.engine.numbers import country_of, normalise


@pytest.mark.parametrize(
    "written",
    ["48600100200", "+48600100200", "0048600100200", "600100200", "+48 600-100-200", "(600) 100.200"],
)
def test_one_number_however_written(written: str) -> None:
    assert normalise(written) == "48600100200"


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("", "empty"),
        ("abc", "letters"),
        ("+48", "prefix only"),
        ("48221234567", "Warsaw landline"),
        ("701234567", "premium"),
        ("48801234567", "premium"),
        ("4860010020", "a digit short"),
        ("486001002000", "a digit long"),
        ("1234567", "too short"),
        ("1234567890123456", "longer than E.164"),
        ("+0600100200", "no country begins with 0"),
        ("٤٨٦٠٠١٠٠٢٠٠", "digits of another script"),
        ("6001002²0", "superscript"),
    ],
)
def test_numbers_that_cannot_receive_a_message_are_refused(written: str, why: str) -> None:
    assert normalise(written) is None, why


def test_unassigned_numbers_are_accepted() -> None:
    assert normalise("100200300") == "48100200300"


def test_national_form_of_another_country() -> None:
    assert normalise("0151 23456789", "DE") == "4915123456789"
    assert normalise("+420 601 123 456", "DE") == "420601123456"


@pytest.mark.parametrize(
    ("msisdn", "country"),
    [("48600100200", "PL"), ("420601123456", "CZ"), ("12025550123", "US"), ("99912345678", "")],
)
def test_country_by_dialling_prefix(msisdn: str, country: str) -> None:
    assert country_of(msisdn) == country
