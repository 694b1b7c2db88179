"""Whose delay it is: network, contract, sender and bench, message by message (docs/delay-split.md)."""
