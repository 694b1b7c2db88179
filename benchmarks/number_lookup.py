"""What the numbering plan costs a message: many distinct numbers, routed by several profiles.

    .venv/bin/python benchmarks/number_lookup.py [--numbers N]

Each line is the mean of one pass over N distinct numbers: the first pass (cold caches) and the best of five
later ones. The last line is the time of the library itself.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parent.parent))

import phonenumbers

from mock_provider.engine.carriers import CarrierLookup
from mock_provider.engine.draws import Draws
from mock_provider.engine.numbers import country_of, normalise
from mock_provider.profiles import load_profile, parse_profile

ROUNDS = 5
LIBRARY_SAMPLE = 2_000


def polish(count: int) -> list[str]:
    return [f"48{prefix}{n:07d}" for n in range(count // 4) for prefix in (50, 60, 69, 79)]


def american(count: int) -> list[str]:
    chance = Random(1)
    return [f"1{chance.randrange(201, 990)}{chance.randrange(2_000_000, 10_000_000)}" for _ in range(count)]


def british(count: int) -> list[str]:
    chance = Random(2)
    return [f"447{chance.randrange(10**9):09d}" for _ in range(count)]


def mean_us(call: Callable[[str], object], numbers: Sequence[str]) -> float:
    started = time.process_time()
    for number in numbers:
        call(number)
    return (time.process_time() - started) / len(numbers) * 1e6


def by_library(number: str) -> object:
    parsed = phonenumbers.parse(f"+{number}")
    return phonenumbers.region_code_for_number(parsed), phonenumbers.number_type(parsed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--numbers", type=int, default=100_000)
    count = parser.parse_args().numbers
    draws = Draws(1)
    tables = {
        "name": "t",
        "countries": ["PL", "DE", "GB", "US"],
        "carriers": [{"name": "any", "country": "*"}],
    }
    calls: dict[str, Callable[[str], object]] = {
        "normalise": normalise,
        "country_of": country_of,
        "route: smsapi": CarrierLookup(load_profile("smsapi"), draws).route,
        "route: four tables": CarrierLookup(parse_profile(tables), draws).route,
        "route: four tables, strict": CarrierLookup(
            parse_profile(tables | {"numbers": {"validity": "strict"}}), draws
        ).route,
        "route: world (strict, by prefix)": CarrierLookup(load_profile("world"), draws).route,
    }
    numbers = {"PL": polish(count), "US": american(count), "GB": british(count)}
    print(f"{count} distinct numbers each; us a number: first pass / best of {ROUNDS} later")
    for name, call in calls.items():
        cells = []
        for country, those in numbers.items():
            first = mean_us(call, those)
            later = min(mean_us(call, those) for _ in range(ROUNDS))
            cells.append(f"{country} {first:.2f} / {later:.2f}")
        print(f"{name:34}" + "   ".join(cells))
    cells = [
        f"{country} {mean_us(by_library, those[:LIBRARY_SAMPLE]):.1f}" for country, those in numbers.items()
    ]
    print(f"{'the library itself, each time':34}" + "   ".join(cells))


if __name__ == "__main__":
    main()
