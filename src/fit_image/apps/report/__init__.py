"""Results as pages: what reports of runs and of sweeps share, and the report of a run."""
