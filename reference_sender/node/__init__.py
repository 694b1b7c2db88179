"""One sender node as a state machine: the order of commit, submit, answer and acknowledgement.

The real-time driver (``runtime/driver.py``) and the fault storms (``loadtests/storm/``) run this code. It has
no clock, loop, thread or socket.
"""
