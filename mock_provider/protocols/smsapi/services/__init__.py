"""SMSAPI's services beside sending, and the state they keep for an account."""
