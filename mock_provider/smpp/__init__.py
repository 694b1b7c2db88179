"""SMPP 3.4 over sockets: the listener, its connections, and the receivers of receipts."""
