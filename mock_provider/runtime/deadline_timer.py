"""Calls back at an instant of CLOCK_MONOTONIC, as exactly as the system can.

The event loop's own timers count whole milliseconds: each reply that waited for such a timer was late by
up to two.
Linux has timers as file descriptors with a resolution of a nanosecond, which wake the loop like a socket
(timerfd_create(2)). Arming one takes as long as ``call_later``, and it uses no CPU while it waits. Other
systems use the loop's timers.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import time
from collections.abc import Callable
from typing import Protocol

from mock_provider.engine.distributions import NS_PER_S

_NS_PER_MS = 1_000_000
_ABSOLUTE = 1  # TFD_TIMER_ABSTIME
# The loop's timer fires up to a tick early (libuv counts milliseconds): a deadline within this time counts as
# due.
_EARLY_NS = 50_000


class DeadlineTimer(Protocol):
    """One deadline at a time; arming again replaces it. The callback comes at the instant or after it."""

    def arm(self, at_ns: int) -> None: ...

    def close(self) -> None: ...


def deadline_timer(loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> DeadlineTimer:
    """The most exact timer of this system. ``ring`` is called on ``loop``."""
    try:
        return KernelTimer(loop, ring)
    except (OSError, AttributeError, NotImplementedError):  # not Linux, no descriptor left, no add_reader
        return LoopTimer(loop, ring)


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class KernelTimer:
    """A timerfd. Raises ``OSError`` or ``AttributeError`` if the system has none."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        libc = ctypes.PyDLL(None, use_errno=True)  # PyDLL: releasing the GIL would take longer than the call
        number = libc.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if number < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._number = number
        self._settime = libc.timerfd_settime
        self._spec = _Itimerspec()
        self._value = self._spec.value
        self._by_reference = ctypes.byref(self._spec)
        self._loop = loop
        self._ring = ring
        try:
            loop.add_reader(number, self._rung)
        except BaseException:
            os.close(number)
            raise

    def arm(self, at_ns: int) -> None:
        value = self._value
        # Zero would disarm it; an instant in the past fires at once.
        value.seconds, value.nanoseconds = divmod(at_ns if at_ns > 0 else 1, NS_PER_S)
        self._settime(self._number, _ABSOLUTE, self._by_reference, None)

    def close(self) -> None:
        if self._number >= 0:
            self._loop.remove_reader(self._number)
            os.close(self._number)
            self._number = -1

    def _rung(self) -> None:
        try:
            os.read(self._number, 8)  # or it would fire again
        except BlockingIOError:  # armed again between the timer's event and this call
            return
        self._ring()


class LoopTimer:
    """The event loop's timer, rounded up to the next millisecond."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._loop = loop
        self._ring = ring
        self._armed_for_ns = 0
        self._handle: asyncio.TimerHandle | None = None

    def arm(self, at_ns: int) -> None:
        self.close()
        self._armed_for_ns = at_ns
        delay_ms = max(0, -((time.monotonic_ns() - at_ns) // _NS_PER_MS))  # rounded up
        self._handle = self._loop.call_later(delay_ms / 1000, self._rung)

    def close(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _rung(self) -> None:
        self._handle = None
        if time.monotonic_ns() < self._armed_for_ns - _EARLY_NS:
            self.arm(self._armed_for_ns)
        else:
            self._ring()
