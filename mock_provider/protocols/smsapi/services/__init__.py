"""SMSAPI's services other than sending, and the state that they keep for an account."""
