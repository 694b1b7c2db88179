"""Messages at the provider with keys that the load did not send."""

from __future__ import annotations

from analysis.first_screen.quoting import Quote
from analysis.first_screen.values import Sentence
from analysis.first_screen.wording import target_name


def with_new_keys(quote: Quote, at: int) -> Sentence:
    """More messages than those of the load that came without their key: a retry with a new key makes them."""
    one = quote.report.parts[at].accounting.unknown_messages == 1
    return (
        quote.count(f"parts.{at}.accounting.unknown_messages"),
        f" message{'' if one else 's'} reached the provider with keys that the load did not send: "
        f"{target_name(quote.report)} may repeat messages with new keys, or another program sent them. "
        "Duplicates cannot be counted.",
    )


def without_key(quote: Quote, at: int) -> Sentence:
    """With the classes of the messages and the length to which they were cut, if the journal shows it."""
    part = quote.report.parts[at]
    known: Sentence = ()
    if part.without_key_evidence:
        known = (" (", quote.text(f"parts.{at}.without_key_evidence"), ")")
    one = part.accounting.without_key == 1
    return (
        quote.count(f"parts.{at}.accounting.without_key"),
        f" message{'' if one else 's'} reached the provider without {'its' if one else 'their'} key",
        *known,
        f": {target_name(quote.report)} changed or cut the text, or does not pass the reference on.",
    )
