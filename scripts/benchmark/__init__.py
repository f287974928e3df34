"""What `scripts/bench.py` measures: a table of jobs, the peers, the machine's limits."""
