"""Encodings of a network's input, which are its first layer; registry.py is their table."""
