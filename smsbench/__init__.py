"""The way in: the ``smsbench`` command, and the start of its child processes.

Our packages have names that other projects use too (``analysis``, ``loadtests``). This one makes sure that
ours run, wherever the command is called from. It also keeps a run independent of who reads its output, and
ends children with their parent.
"""
