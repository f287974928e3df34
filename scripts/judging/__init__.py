"""The judge of `scripts/judge_digits.py`: a classifier of its own, and what it finds."""
