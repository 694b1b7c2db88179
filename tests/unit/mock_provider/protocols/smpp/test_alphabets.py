"""Octets of each data_coding as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from smpp_submits import read

from mock_provider.engine.segments import GSM7_BASIC, GSM7_EXTENSION, count_segments
from mock_provider.protocols.smpp import codes
from mock_provider.protocols.smpp.alphabets import decode_gsm7, encode_gsm7
from mock_provider.protocols.smpp.fields import PduError
from mock_provider.settings.protocols import SmppSettings


@pytest.mark.parametrize(
    ("coding", "octets", "text", "segments"),
    [
        (0, b"\x00hello\x02 \x1b\x65 \x40", "@hello$ € ¡", 1),
        (0, b"a" * 160, "a" * 160, 1),
        (0, b"a" * 161, "a" * 161, 2),
        (1, b"hello", "hello", 1),
        (3, "zażółć".replace("ż", "z").replace("ł", "l").replace("ć", "c").encode("latin-1"), "zazólc", 1),
        (8, "zażółć 😀".encode("utf-16-be"), "zażółć 😀", 1),
        (8, ("ż" * 71).encode("utf-16-be"), "ż" * 71, 2),
        (8, ("a" * 71).encode("utf-16-be"), "a" * 71, 2),  # said to be UCS-2, and sent so
        (8, b"\xd8\x3d", "\ufffd", 1),  # half of a surrogate pair, as parts have it
        (4, bytes(range(140)), bytes(range(140)).hex(), 1),
        (2, bytes(141), bytes(141).hex(), 2),
        (0x05, "日本".encode("shift_jis"), "日本", 1),
        (0x0A, "日本".encode("iso2022_jp"), "日本", 1),
        (0x0D, "日本".encode("iso2022_jp_1"), "日本", 1),
        (0x0E, "한국".encode("euc_kr"), "한국", 1),
        (0x10, b"flash\x00", "flash@", 1),
        (0x13, b"a" * 161, "a" * 161, 2),
        (0x15, b"\x00", "00", 1),
        (0x18, "ż".encode("utf-16-be"), "ż", 1),
        (0x20, b"\x00", "00", 1),  # compressed: nobody here can read it
        (0x40, b"\x00", "@", 1),
        (0x58, "ż".encode("utf-16-be"), "ż", 1),
        (0xC0, b"\x00", "@", 1),
        (0xD8, b"\x00", "@", 1),
        (0xE0, "ż".encode("utf-16-be"), "ż", 1),
        (0xF0, b"\x00", "@", 1),
        (0xF5, b"\x00", "00", 1),
        (0xF8, b"\x00", "@", 1),
        (0xFF, b"\x00", "00", 1),
    ],
)
def test_each_coding_becomes_text(coding: int, octets: bytes, text: str, segments: int) -> None:
    (outbound,) = read(data_coding=coding, short_message=octets).messages
    assert (outbound.text, outbound.segments) == (text, segments)


def test_only_what_both_standards_reserve_is_refused() -> None:
    def is_taken(coding: int) -> bool:
        try:
            read(data_coding=coding, short_message=b"even")
        except PduError as error:
            assert error.status == codes.ESME_RSUBMITFAIL
            return False
        return True

    reserved = {0x0B, 0x0C, 0x0F, *range(0x80, 0xC0)}  # SMPP 3.4, §5.2.19; 3GPP TS 23.038, §4
    reserved |= {coding for coding in range(0x10, 0x80) if coding & 0x0C == 0x0C}
    assert {coding for coding in range(256) if not is_taken(coding)} == reserved


def test_the_default_alphabet_can_be_latin_1() -> None:
    settings = SmppSettings(default_alphabet="latin1")
    assert read(settings, short_message=b"\xf3@$").messages[0].text == "ó@$"


@given(st.text(st.sampled_from(GSM7_BASIC + GSM7_EXTENSION), max_size=300))
def test_gsm_octets_are_the_text_and_cost_its_segments(text: str) -> None:
    octets = encode_gsm7(text)
    assert decode_gsm7(octets) == text
    payload = ((codes.MESSAGE_PAYLOAD, octets),)
    (outbound,) = read(short_message=b"", tlvs=payload).messages
    assert (outbound.text, outbound.segments) == (text, count_segments(text).segments)


@given(st.binary(max_size=160))
def test_any_octets_are_some_text(octets: bytes) -> None:
    for coding in (0, 1, 3, 4, 6, 7):
        text = read(data_coding=coding, short_message=octets).messages[0].text
        text.encode()  # no lone surrogate
