"""Messages of pydantic in plain words, for settings files and options."""

from __future__ import annotations

import re

# Words of pydantic's messages, and ours.
_OUR_WORDS = (
    (r"^(Input|String|List|Tuple) should ", "must "),
    (r"greater than or equal to", "at least"),
    (r"less than or equal to", "at most"),
    (r"greater than", "more than"),
    (r" after validation, not \d+$|, unable to .*|, got .*", ""),
    (r"a valid (dictionary|dict).*", "a table of keys"),
    (r"a valid (list|tuple)", "a list"),
    (r"a valid boolean", "true or false"),
    (r"a valid integer", "a whole number"),
    (r"a valid (number|string)", r"a \1"),
)


def in_our_words(message: str) -> str:
    """A message of pydantic: what is allowed, without words of Python."""
    own = message.removeprefix("Value error, ")
    if own != message:
        return own
    for theirs, ours in _OUR_WORDS:
        message = re.sub(theirs, ours, message)
    return message
