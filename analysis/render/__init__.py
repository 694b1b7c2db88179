"""The report as files: page, Markdown, pictures, CSV, JUnit. It draws values and computes none."""
