"""PDUs made at random from a seed: good ones, and good ones with octets changed, cut or grown."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from functools import partial

PASSWORD = "fuzz-pw"


SUBMIT_MULTI, DATA_SM = 0x21, 0x103


SUBMIT_SM, DELIVER_SM, UNBIND, ENQUIRE_LINK, RESPONSE = 4, 5, 6, 0x15, 0x80000000


LONGEST_PDU = 70_000


header = struct.Struct(">4I")


def pdu(command_id: int, sequence: int, body: bytes = b"") -> bytes:
    return header.pack(16 + len(body), command_id, 0, sequence) + body


def bind_body(system_id: bytes, password: str = PASSWORD) -> bytes:
    return system_id + b"\0" + password.encode() + b"\0\0\x34\0\0\0"


def good_submit(rng: random.Random) -> bytes:
    text = b"fuzz %d" % rng.randrange(10**9)
    coding, esm_class = rng.choice([0, 0, 0, 3, 4, 8]), 0
    if coding == 8:
        text = text.decode().encode("utf-16-be")
    if rng.random() < 0.1:
        esm_class, text = 0x40, b"\5\0\3%c\2%c" % (rng.randrange(256), rng.randint(1, 2)) + text
    flags = b"%c\0%c" % (esm_class, rng.randint(0, 3))
    dest = b"48500%06d" % rng.randrange(10**6)
    registered = rng.choice([0, 1, 2, 0x11])
    return b"\0\5\0Fuzz\0\1\1%s\0%s\0\0%c\0%c\0%c%s" % (dest, flags, registered, coding, len(text), text)


def good_multi(rng: random.Random) -> bytes:
    """A submit_multi to up to five destinations, some of them distribution lists."""
    count = rng.randint(1, 5)
    numbers = [
        b"\2friends\0" if rng.random() < 0.2 else b"\1\1\x0148500%06d\0" % rng.randrange(10**6)
        for _ in range(count)
    ]
    text = b"fuzz all %d" % rng.randrange(10**9)
    tail = b"\0\0\0\0\0%c\0\0\0%c%s" % (rng.choice([0, 1]), len(text), text)
    return b"\0\5\0Fuzz\0%c%s%s" % (count, b"".join(numbers), tail)


def good_data(rng: random.Random) -> bytes:
    text = b"fuzz data %d" % rng.randrange(10**9)
    dest = b"48500%06d" % rng.randrange(10**6)
    head = b"\0\5\0Fuzz\0\1\1%s\0\0%c\0" % (dest, rng.choice([0, 1]))
    return head + struct.pack(">HH", 0x0424, len(text)) + text + b"\2\4\0\2\1\2"


def good_scheduled(rng: random.Random) -> bytes:
    """A submit_sm that waits, so that there is something to cancel without an id."""
    return b"\0\5\0Fuzz\0\1\x0148500100200\0\0\0\0" + b"000001000000000R\0\0%c\0\0\0\1x" % rng.randint(0, 1)


def naming(rng: random.Random) -> tuple[int, bytes]:
    """A query_sm, cancel_sm or replace_sm, mostly of an unknown id."""
    message_id = rng.choice([b"", b"0" * 16, b"%016x" % rng.getrandbits(63)])
    source = rng.choice([b"\5\0Fuzz\0", b"\0\0Fuzz\0", b"\0\0\0"])
    kind = rng.choice([3, 7, 8])
    if kind == 3:
        return kind, message_id + b"\0" + source
    if kind == 7:
        return kind, message_id + b"\0" + source + b"\0\0\1\0\3new"
    dest = rng.choice([b"\1\x0148500100200\0", b"\0\0\0"])
    return kind, b"\0" + message_id + b"\0" + source + dest


def mutated(rng: random.Random, body: bytes) -> bytes:
    changed = bytearray(body)
    for _ in range(rng.randint(1, 4)):
        kind = rng.randrange(4)
        at = rng.randrange(len(changed) or 1)
        if kind == 0 and changed:
            changed[at] = rng.randrange(256)
        elif kind == 1:
            del changed[at:]
        elif kind == 2:
            changed[at:at] = rng.randbytes(rng.randint(1, 40))
        else:
            tag = rng.choice([0x0424, 0x020C, 0x020E, 0x020F, 0x0204, 0x0017, rng.randrange(65536)])
            changed += struct.pack(">HH", tag, rng.choice([0, 1, 2, 300, 65535]))
            changed += rng.randbytes(rng.randint(0, 5))
    return bytes(changed)


REQUESTS = [3, 7, 8, SUBMIT_MULTI, DATA_SM]


# The function for each PDU of a stream, and its weight. All but responses are requests.
MAKERS: list[tuple[int, Callable[[random.Random, int], bytes]]] = [
    (3, lambda rng, n: pdu(SUBMIT_SM, n, good_submit(rng))),
    (6, lambda rng, n: pdu(SUBMIT_SM, n, mutated(rng, good_submit(rng)))),
    (2, lambda rng, n: pdu(SUBMIT_SM, n, rng.randbytes(rng.randrange(300)))),
    (1, lambda rng, n: pdu(ENQUIRE_LINK, n, rng.choice([b"", b"extra"]))),
    (1, lambda rng, n: pdu(rng.choice([1, 2, 9]), n, mutated(rng, bind_body(b"fuzz")))),
    (1, lambda rng, n: pdu(SUBMIT_SM, n, good_scheduled(rng))),
    (1, lambda rng, n: pdu(SUBMIT_MULTI, n, good_multi(rng))),
    (2, lambda rng, n: pdu(SUBMIT_MULTI, n, mutated(rng, good_multi(rng)))),
    (1, lambda rng, n: pdu(DATA_SM, n, good_data(rng))),
    (2, lambda rng, n: pdu(DATA_SM, n, mutated(rng, good_data(rng)))),
    (1, lambda rng, n: pdu(rng.choice(REQUESTS), n, rng.randbytes(rng.randrange(60)))),
    (2, lambda rng, n: _named(rng, n, lambda body: body)),
    (2, lambda rng, n: _named(rng, n, partial(mutated, rng))),
    (1, lambda rng, n: pdu(_unknown_id(rng), n, rng.randbytes(rng.randrange(60)))),
    (1, lambda rng, n: pdu(RESPONSE | rng.choice([0, 4, 5, 0x15, rng.getrandbits(31)]), n, rng.randbytes(9))),
    (1, lambda rng, n: pdu(SUBMIT_SM, n, rng.randbytes(rng.choice([5_000, LONGEST_PDU - 16])))
     if rng.random() < 0.02 else pdu(SUBMIT_SM, n)),
]  # fmt: skip


WEIGHTS = [weight for weight, _ in MAKERS]


def _named(rng: random.Random, sequence: int, change: Callable[[bytes], bytes]) -> bytes:
    command_id, body = naming(rng)
    return pdu(command_id, sequence, change(body))


def _unknown_id(rng: random.Random) -> int:
    return rng.choice([5, 0x0B, 0x102, rng.randint(0x200, 0x7FFFFFFF)])
