"""The virtual-time driver: joins arrivals, dispatcher and engine by a heap of deadlines."""
