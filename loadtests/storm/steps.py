"""The steps of the sender between which a crash makes a difference."""

from __future__ import annotations

COMMIT = "commit"  # the store is given a transaction
COMMITTED = "committed"  # on disk; the process is not yet notified
SUBMIT = "submit"  # a request goes out
SUBMITTED = "submitted"  # it has gone out
ANSWER = "answer"  # its reply is handled
ANSWERED = "answered"  # it was handled; nothing of it is on disk
REPORT = "report"  # a report call is handled
ACKNOWLEDGE = "acknowledge"  # a client or a provider gets its answer

STEPS = (COMMIT, COMMITTED, SUBMIT, SUBMITTED, ANSWER, ANSWERED, REPORT, ACKNOWLEDGE)
