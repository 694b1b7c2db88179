"""SMPP 3.4 over sockets: the listener, its connections, and which of them take receipts."""
