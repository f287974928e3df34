"""A kind of run: its directory, its trainer, and the recorder that brings the two together."""
