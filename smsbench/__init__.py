"""Starts the ``smsbench`` command and its child processes.

Other projects use our package names too (``analysis``, ``loadtests``). This package makes sure that ours are
imported, wherever the command is called from. It also keeps a run independent of the state of its output, and
ends child processes with their parent.
"""
