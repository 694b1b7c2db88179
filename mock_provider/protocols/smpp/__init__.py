"""SMPP 3.4 (https://smpp.org, issue 1.2): PDUs, sessions, submits and receipts; no sockets and no clock."""
