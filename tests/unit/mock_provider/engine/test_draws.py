"""The draws of a key: parts that are drawn alone are those of the whole, and the hashes are as documented."""

from __future__ import annotations

from hashlib import blake2b

from hypothesis import given
from hypothesis import strategies as st

from mock_provider.engine.draws import Draws

SEEDS = st.integers(-(2**63), 2**63)


@given(SEEDS, st.text(max_size=20))
def test_the_carrier_alone_is_that_of_all_draws_of_a_number(seed: int, msisdn: str) -> None:
    draws = Draws(seed)
    assert draws.carrier(msisdn) == draws.number(msisdn)[0]


@given(SEEDS, st.text(max_size=20), st.integers(1, 3))
def test_a_message_is_drawn_by_seed_ordinal_and_key(seed: int, key: str, ordinal: int) -> None:
    hashed = blake2b(f"{seed} {ordinal} {key}".encode(), digest_size=48, person=b"message").digest()
    assert Draws(seed).message(key, ordinal) == hashed
