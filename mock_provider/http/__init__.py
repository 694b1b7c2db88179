"""The provider's HTTP/1.1 server: connections, replies, and limits for clients."""
