"""Fault storms: sender and providers in virtual time under drawn faults, and the invariants after them."""
