"""One file for each scenario, discovered by ``loadtests.catalogue``.

A file defines ``SCENARIO`` and is a locustfile by itself. docs/extending.md shows how to add one.
"""
