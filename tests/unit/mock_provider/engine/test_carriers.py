"""Which carrier has a number: shares, prefixes, ported numbers, unassigned numbers."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from scipy.stats import binomtest
from virtual import virtual_provider

from mock_provider.engine.carriers import CarrierLookup
from mock_provider.engine.draws import Draws
from mock_provider.profiles import parse_profile

POLISH = [f"48{prefix}{n * 7919 % 10_000_000:07d}" for prefix in (50, 60, 69, 79) for n in range(2_000)]


def router_of(seed: int = 1, **sections: Any) -> CarrierLookup:
    values = {"name": "t", "countries": ["PL", "GB"], "carriers": [{"name": "abroad", "country": "*"}]}
    return CarrierLookup(parse_profile(values | sections), Draws(seed))


def country_and_carrier(router: CarrierLookup, msisdn: str) -> tuple[str, str]:
    route = router.route(msisdn)
    assert route is not None
    return route


def carrier_of(router: CarrierLookup, msisdn: str) -> str:
    return country_and_carrier(router, msisdn)[1]


def likely(count: int, tries: int, share: float) -> bool:
    """Whether this count is plausible: fewer than one in 100,000 would be as far off."""
    return binomtest(count, tries, share).pvalue > 1e-5


def test_carriers_get_their_shares_of_the_numbers() -> None:
    router = router_of()
    found = Counter(carrier_of(router, number) for number in POLISH)
    shares = {"Plus": 20.4, "T-Mobile": 19.2, "Orange": 26.6, "Play": 30.2, "others": 3.5}
    assert set(found) == set(shares)
    for name, share in shares.items():
        assert likely(found[name], len(POLISH), share / sum(shares.values())), (name, found)


def test_porting_does_not_change_the_market_shares() -> None:
    plain = router_of(rules=[{"country": "PL"}], numbers={"ported_share": 0.0})
    ported = router_of(rules=[{"country": "PL", "ported_share": 0.3}])
    assert [plain.route(n) for n in POLISH] == [ported.route(n) for n in POLISH]
    assert not any(plain.ported_from(n) for n in POLISH)
    moved = [n for n in POLISH if ported.ported_from(n)]
    assert likely(len(moved), len(POLISH), 0.3)
    assert all(ported.ported_from(n) != carrier_of(ported, n) for n in moved)


def test_a_number_belongs_to_the_carrier_of_its_prefix_unless_it_is_ported() -> None:
    """+48 601 and 605 are Plus's, +48 501 Orange's; +48 100 is unassigned."""
    stay = router_of(numbers={"carrier_assignment": "prefix"}, rules=[{"country": "PL"}])
    plus = [f"48601{n:06d}" for n in range(3_000)]
    assert {stay.route(n) for n in plus} == {("PL", "Plus")}
    assert stay.route("48501123456") == ("PL", "Orange")
    assert not any(stay.ported_from(n) for n in plus)

    move = router_of(
        numbers={"carrier_assignment": "prefix"}, rules=[{"country": "PL", "ported_share": 0.25}]
    )
    moved = [n for n in plus if carrier_of(move, n) != "Plus"]
    assert likely(len(moved), len(plus), 0.25)
    assert {move.ported_from(n) for n in moved} == {"Plus"}
    to_play = sum(carrier_of(move, n) == "Play" for n in moved)
    assert likely(to_play, len(moved), 30.2 / (99.9 - 20.4))  # to the others by their shares

    nobody = [f"48100{n:06d}" for n in range(3_000)]
    found = Counter(carrier_of(move, n) for n in nobody)
    assert likely(found["Play"], len(nobody), 30.2 / 99.9)


def test_strict_validity_accepts_only_mobile_numbers_of_the_plan() -> None:
    light, strict = router_of(), router_of(numbers={"validity": "strict"})
    for number in ("48100200300", "48221234567", "447700900001", "442071838750", "33142685300"):
        assert light.route(number) is not None
        assert strict.route(number) is None
    for number in ("48600100200", "447400123456", "33612345678", "12025550123"):
        assert strict.route(number) == light.route(number) is not None


def test_countries_of_a_shared_code_are_distinguished() -> None:
    router = router_of()
    assert [country_and_carrier(router, n)[0] for n in ("12025550123", "14165550123", "18765550123")] == [
        "US",
        "CA",
        "JM",
    ]
    assert [country_and_carrier(router, n)[0] for n in ("447400123456", "447797123456", "447624123456")] == [
        "GB",
        "JE",
        "IM",
    ]
    assert [country_and_carrier(router, n)[0] for n in ("79161234567", "77011234567")] == ["RU", "KZ"]


def test_number_view_names_carrier_and_porting() -> None:
    p = virtual_provider(
        countries=["PL"],
        numbers={"carrier_assignment": "prefix"},
        rules=[{"country": "PL", "ported_share": 1.0}],
    )
    view = p.engine.number("48601123456")
    assert view.exists and view.ported and view.ported_from == "Plus"
    assert view.carrier != "Plus" and (view.mcc, len(view.mnc)) == ("260", 2)
    unknown = p.engine.number("99912345678")
    assert not unknown.ported and unknown.ported_from == ""


def test_the_price_comes_from_the_carrier_else_the_country_else_the_account() -> None:
    carriers = [
        {"name": "dear", "country": "DE", "price_per_segment": 0.9},
        {"name": "any", "country": "*"},
    ]
    p = virtual_provider(
        carriers=carriers,
        rules=[{"country": "DE", "price_per_segment": 0.5}, {"country": "FR", "price_per_segment": 0.3}],
        account={"balance_points": 10.0},
    )
    prices = {"4915112345678": 0.9, "33612345678": 0.3, "48600100200": 0.1}
    for msisdn, price in prices.items():
        (usual,) = p.accepted(p.send(0, {"key": msisdn, "msisdn": msisdn, "segments": 2}))
        assert usual.price == pytest.approx(2 * price)
        (priority,) = p.accepted(p.send(0, {"key": f"f{msisdn}", "msisdn": msisdn}, priority=True))
        assert priority.price == pytest.approx(1.5 * price)
    assert p.engine.state().balance_points == pytest.approx(10 - 3.5 * sum(prices.values()))


def test_a_full_carrier_queue_refuses_messages() -> None:
    p = virtual_provider(carriers=[{"name": "a", "country": "*", "segments_per_s": 1, "queue_segments": 3}])
    for n in range(5):
        p.send(0, f"k{n}")
    p.run()
    ends = [(p.row(f"k{n}").state, p.row(f"k{n}").reason) for n in range(5)]
    assert ends == [("delivered", "")] * 4 + [("undelivered", "carrier_queue_full")]
    turned = p.row("k4")
    assert (turned.t_carrier_ns, turned.t_final_ns) == (None, 0)
    assert turned.t_confirmed_ns is not None  # it is reported like any other
    assert p.engine.state().open == 0
    p.send(100, "later")
    p.run()
    assert p.row("later").state == "delivered"


def test_dedicated_route_keeps_its_own_pace() -> None:
    carriers = [{"name": "a", "country": "*", "segments_per_s": 1}]
    account = {"tier": "dedicated", "route_segments_per_s": 10}
    p = virtual_provider(carriers=carriers, account=account)
    for n in range(11):
        p.send(0, f"k{n}")
    p.run()
    instants = [p.row(f"k{n}").t_carrier_ns for n in range(11)]
    assert all(later - earlier == 100_000_000 for earlier, later in pairwise(instants))
