"""Compressed bodies: the same content whatever the pieces, in small slices, and never without limit."""

from __future__ import annotations

import gzip
import random
import zlib

import pytest

from reference_sender.api.intake import Invalid
from reference_sender.api.unpacking import MAX_RATIO, SLICE_BYTES, Unpacking, unpacking_of

CONTENT = b"".join(b'{"to": "4850010%04d"},' % number for number in range(5_000))


def unpacked(packed: bytes, piece: int, encoding: str = "gzip") -> list[bytes]:
    unpacking = unpacking_of(encoding)
    assert unpacking is not None
    slices = [
        part for at in range(0, len(packed), piece) for part in unpacking.slices(packed[at : at + piece])
    ]
    unpacking.finish()
    return slices


@pytest.mark.parametrize("piece", [1, 7, 4_096, 1_000_000])
def test_the_content_does_not_depend_on_the_pieces(piece: int) -> None:
    members = gzip.compress(CONTENT[:50_000]) + gzip.compress(b"") + gzip.compress(CONTENT[50_000:])
    for packed, encoding in (
        (gzip.compress(CONTENT), "gzip"),
        (gzip.compress(CONTENT), " X-GZIP"),
        (zlib.compress(CONTENT), "deflate"),
        (members, "gzip"),
        (CONTENT, "identity"),
        (CONTENT, ""),
    ):
        slices = unpacked(packed, piece, encoding)
        assert b"".join(slices) == CONTENT
        assert max(map(len, slices)) <= SLICE_BYTES


@pytest.mark.parametrize("length", [SLICE_BYTES - 1, SLICE_BYTES, SLICE_BYTES + 1, 3 * SLICE_BYTES])
def test_content_that_fills_its_slices_is_whole(length: int) -> None:
    for content in (b"a" * length, random.Random(1).randbytes(length)):
        assert b"".join(unpacked(gzip.compress(content), 1_000_000)) == content


def test_a_body_that_unpacks_to_too_much_is_refused_early() -> None:
    bomb = gzip.compress(b" " * 100_000_000)
    made = 0
    unpacking = unpacking_of("gzip")
    assert unpacking is not None
    with pytest.raises(Invalid) as refused:
        for part in unpacking.slices(bomb):
            made += len(part)
    assert refused.value.code == "too_large"
    assert made <= max(1024 * 1024, MAX_RATIO * len(bomb))


def test_the_densest_content_within_the_ratio_is_taken() -> None:
    noise = random.Random(1).randbytes(50_000)
    content = noise + b" " * 9_000_000
    assert b"".join(unpacked(gzip.compress(content), 65_536)) == content


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"no gzip",
        gzip.compress(CONTENT)[:-1],
        gzip.compress(CONTENT)[:20],
        gzip.compress(b"a") + b"rest",
    ],
    ids=["nothing", "no gzip", "no last byte", "a beginning", "something after it"],
)
def test_an_incomplete_compressed_body_is_refused(packed: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        unpacked(packed, 1_000)
    assert refused.value.code == "malformed"


def test_members_that_hold_nothing_come_one_a_slice() -> None:
    """The reader can do something else between two pieces."""
    unpacking: Unpacking | None = unpacking_of("gzip")
    assert unpacking is not None
    assert sum(1 for _ in unpacking.slices(gzip.compress(b"") * 500)) == 500


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, gzip"])
def test_other_encodings_are_none(encoding: str) -> None:
    assert unpacking_of(encoding) is None
