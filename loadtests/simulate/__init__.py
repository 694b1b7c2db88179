"""The virtual-time driver: arrivals, dispatcher and engine joined by a heap of due times, nothing else."""
