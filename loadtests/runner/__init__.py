"""Running a scenario for real: processes, load, samples, drain, manifest, report."""
