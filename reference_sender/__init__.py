"""A bulk SMS sender that shows good practice: durable intake, lanes, batches, limits, retries, reports."""
