"""Locust users: the open-model user, the closed-model user, and the adapters to targets.

Importing ``loadtests.users.open_model`` or ``closed_model`` imports Locust, which patches the standard
library for gevent: only Locust processes may do that.
"""
