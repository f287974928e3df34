"""Animations: frames on disk become a film, and a film becomes a file."""
