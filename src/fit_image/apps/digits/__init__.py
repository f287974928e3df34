"""Generators of small labelled pictures, digits above all, that draw at any size."""
