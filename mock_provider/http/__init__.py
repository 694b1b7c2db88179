"""HTTP/1.1 as the provider serves it: connections, replies, and what clients may cost."""
