"""For people who look at a provider: captured messages, events, traffic, the admin API and the page."""
