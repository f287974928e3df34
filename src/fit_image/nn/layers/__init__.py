"""Layers of a network, one a file, behind the interface in layer.py."""
