"""A bulk SMS sender that shows good practice: durable intake, lanes, batches, rate limits, retries, reports."""
