"""Rules on when, to whom and for how much messages are sent: values, pure functions and state machines.

No module has a clock, loop, socket or thread. ``gate.py`` applies all rules; each other module has one rule.
"""
