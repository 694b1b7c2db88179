"""Load generation and runs: arrivals, Locust users, scenarios, the runner."""
