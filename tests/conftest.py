"""Options and settings of all tests."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from branch_coverage import VARIABLE, BranchCoverage
from hypothesis import settings
from postgres_server import PostgresServer, running_server

# No time limit for one example: the machine is shared, and its speed is no property of the code.
settings.register_profile("smsbench", deadline=None, print_blob=True)
settings.load_profile("smsbench")

_PACKAGES = (
    "smsbench",
    "mock_provider",
    "reference_sender",
    "loadtests",
    "analysis",
    "page_parts",
    "user_input",
    "arrow_columns",
)
# In the background of a shell script the tests would ignore Ctrl-C, and so would each process that a test
# starts: it would not end when the test interrupts it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# From here on: other conftest files import the product.
_COVERAGE = BranchCoverage(Path(__file__).parents[1], _PACKAGES) if VARIABLE in os.environ else None


def pytest_configure(config: pytest.Config) -> None:
    if _COVERAGE is not None:
        config.pluginmanager.register(_COVERAGE)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="Rewrite the expected files of tests/golden/ instead of comparing with them.",
    )


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without the garbage collector: it would look through thousands of tests again and again, which
    takes half of the time. What is there afterwards stays, and is left out of all later looks.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server for processes that die, and no power cuts: it need not wait for the disk."""
    with running_server("fsync=off") as server:
        yield server
