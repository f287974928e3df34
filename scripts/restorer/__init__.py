"""Training of the network that comes with ``fit-image unjpeg``."""
