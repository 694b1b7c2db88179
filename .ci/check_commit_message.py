"""Check the message of a commit: ``python .ci/check_commit_message.py FILE``. Git's hook commit-msg calls it.

The subject says what the commit changes, and the body why. A subject that also says why needs no body.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

_LONGEST_SUBJECT = 100
_FEWEST_WORDS = 3
_SAYS_NOTHING = re.compile(r"(?i)^(wip|tmp|fixup|squash|misc|stuff|update|fix)\b[-!: ]*\w*$")


def faults(message: str) -> list[str]:
    """What is wrong with a message. As by git, comments and empty lines before the subject are ignored."""
    kept = [line.rstrip() for line in message.splitlines() if not line.startswith("#")]
    lines = "\n".join(kept).lstrip("\n").splitlines()
    subject = lines[0] if lines else ""
    if subject.startswith(("Merge ", "Revert ")):
        return []
    found = []
    if len(subject.split()) < _FEWEST_WORDS or _SAYS_NOTHING.match(subject):
        found.append(f"the subject {subject!r} does not say what the commit changes")
    if len(subject) > _LONGEST_SUBJECT:
        found.append(
            f"the subject has {len(subject)} characters, of at most {_LONGEST_SUBJECT}; the body says why"
        )
    if len(lines) > 1 and lines[1]:
        found.append("an empty line must follow the subject")
    return found


if __name__ == "__main__":
    wrong = faults(Path(sys.argv[1]).read_text(encoding="utf-8"))
    for each in wrong:
        print(f"commit message: {each}", file=sys.stderr)
    sys.exit(1 if wrong else 0)
