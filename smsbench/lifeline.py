"""A child process ends when its parent ends, even if the parent is killed.

The parent holds one end of a pipe open and never writes to it. When the parent ends, the kernel closes it,
and the child reads the end of the file. Unlike Linux's PR_SET_PDEATHSIG it works on every Unix,
reaches processes that the child forks (Locust's workers), and does not depend on which thread of the parent
started the child.
"""

from __future__ import annotations

import os
import signal

# Imported before gevent replaces them: the watch needs a real thread, also in a Locust process.
from _thread import start_new_thread
from time import sleep

ORDERLY_END_WITHIN_S = 40.0  # a sender drains for 10 s, a provider closes a large journal


def end_with(lifeline: int) -> None:
    """SIGTERM to this process, and to each that it forks, when the other end of ``lifeline`` is closed;
    SIGKILL if that does not end it in time.
    """
    os.set_inheritable(lifeline, False)

    def watch() -> None:
        start_new_thread(_await_end, (lifeline,))

    watch()
    os.register_at_fork(after_in_child=watch)  # threads do not survive a fork


def _await_end(lifeline: int) -> None:
    while os.read(lifeline, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    sleep(ORDERLY_END_WITHIN_S)
    os.kill(os.getpid(), signal.SIGKILL)
