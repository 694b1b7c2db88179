"""The sender's HTTP API: connections, bodies, checks of requests, handlers, metrics."""
