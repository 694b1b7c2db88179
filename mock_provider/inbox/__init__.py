"""What a user sees of the provider: captured messages, events, traffic, the admin API and the page."""
