"""Reports alerts: to the log, to a webhook and by e-mail."""
