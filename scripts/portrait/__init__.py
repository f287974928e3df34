"""The parts of the example portrait; `scripts/draw_portrait.py` puts them together."""
