"""The shares of the delay: network, contract, sender and bench, for each message (docs/delay-split.md)."""
