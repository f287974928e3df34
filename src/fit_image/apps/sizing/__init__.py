"""Sizes of networks that have a wanted number of parameters."""
