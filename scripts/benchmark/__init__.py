"""What `scripts/bench.py` measures, a file for each kind of thing."""
