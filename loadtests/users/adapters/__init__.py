"""Adapters to target APIs, one module each. An adapter only translates; it opens no connection."""

from loadtests.users.adapters.adapter import Adapter, Endpoint, Judgement, TargetRequest

__all__ = ["Adapter", "Endpoint", "Judgement", "TargetRequest"]
