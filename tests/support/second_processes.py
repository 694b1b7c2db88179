"""The second processes of simulations that this process runs."""

from __future__ import annotations

import psutil

from loadtests.simulate import second_half


def second_processes() -> list[psutil.Process]:
    """The process of the tests may have others too, such as a database of another test."""
    module = second_half.__name__
    return [each for each in psutil.Process().children() if module in each.cmdline()]
