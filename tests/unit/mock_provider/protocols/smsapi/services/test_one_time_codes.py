"""One-time codes: which come, which are right, and for how long."""

from __future__ import annotations

from mock_provider.engine.draws import Draws
from mock_provider.protocols.smsapi.services.one_time_codes import CodeVerdict, OneTimeCodes

NUMBER, OTHER = "48500100200", "48500100201"


def codes_of(seed: int, capacity: int = 100) -> OneTimeCodes:
    return OneTimeCodes(Draws(seed), capacity)


def test_a_code_depends_on_the_seed_the_number_and_its_ordinal() -> None:
    def drawn(seed: int, order: tuple[str, ...]) -> list[tuple[str, str]]:
        codes = codes_of(seed)
        return sorted((number, codes.draw(number, 6)) for number in order)

    once = drawn(1, (NUMBER, OTHER, NUMBER))
    assert once == drawn(1, (NUMBER, NUMBER, OTHER))
    assert len({code for _, code in once}) == 3
    assert all(len(code) == 6 and code.isdigit() for _, code in once)
    assert once != drawn(2, (NUMBER, OTHER, NUMBER))


def test_right_wrong_expired_and_used_up() -> None:
    codes = codes_of(1)
    code = codes.draw(NUMBER, 6)
    assert codes.verify(NUMBER, code, 0) is CodeVerdict.WRONG  # not sent yet
    codes.issue(NUMBER, code, expires_ns=1_000)
    assert codes.verify(OTHER, code, 999) is CodeVerdict.WRONG
    assert codes.verify(NUMBER, "x" + code[1:], 999) is CodeVerdict.WRONG
    assert codes.verify(NUMBER, "", 999) is CodeVerdict.WRONG
    assert codes.verify(NUMBER, code, 1_000) is CodeVerdict.EXPIRED
    assert codes.verify(NUMBER, code, 999) is CodeVerdict.RIGHT
    assert codes.verify(NUMBER, code, 999) is CodeVerdict.WRONG


def test_a_new_code_replaces_the_previous_one() -> None:
    codes = codes_of(1)
    first, second = codes.draw(NUMBER, 6), codes.draw(NUMBER, 6)
    codes.issue(NUMBER, first, 10)
    codes.issue(NUMBER, second, 10)
    assert codes.verify(NUMBER, first, 0) is CodeVerdict.WRONG
    assert codes.verify(NUMBER, second, 0) is CodeVerdict.RIGHT


def test_the_number_used_longest_ago_is_forgotten_first() -> None:
    codes = codes_of(1, capacity=2)
    kept = codes.draw("1", 6)
    codes.issue("1", kept, 10)
    codes.draw("2", 6)
    codes.draw("1", 6)  # used again, so 2 is now the oldest
    codes.draw("3", 6)
    assert len(codes) == 2
    assert codes.verify("1", kept, 0) is CodeVerdict.RIGHT
    codes.issue("2", "000000", 10)
    assert codes.verify("2", "000000", 0) is CodeVerdict.WRONG
