"""Who sends what when, and what was seen: arrivals, Locust users, scenarios, the runner."""
