"""Configurations, and how they are written: layers, encodings, presets."""
