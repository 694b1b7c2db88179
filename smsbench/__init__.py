"""Starts the ``smsbench`` command and its child processes.

Other projects also use the package names ``analysis`` and ``loadtests``. This package makes sure that those
of this repository are imported, wherever the command is called from. It also keeps a run independent of the
state of its output, and ends child processes with their parent.
"""
