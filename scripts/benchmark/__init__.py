"""The parts of `scripts/bench.py`: a table of jobs, the peers, the machine's limits."""
