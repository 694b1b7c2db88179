"""The sender in real time: the driver of the dispatcher, group commit, background work and its failures."""
