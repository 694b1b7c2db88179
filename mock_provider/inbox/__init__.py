"""The user's view of the provider: captured messages, events, traffic, the admin API and the page."""
