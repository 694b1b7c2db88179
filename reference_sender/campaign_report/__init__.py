"""The report on a campaign that has ended: rows to a summary, and the summary to HTML, CSV and mail. Pure."""
