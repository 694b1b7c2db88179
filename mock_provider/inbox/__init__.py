"""What people see of a provider: captured messages, events, traffic, the admin API and the page."""
