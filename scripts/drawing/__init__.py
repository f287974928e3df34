"""The larger pictures of `scripts/figures.py`: the gallery, and the page that compares codes."""
