"""The parts of the example screens; `scripts/draw_screens.py` puts them together."""
