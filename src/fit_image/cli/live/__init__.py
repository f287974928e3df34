"""A training shown while it goes on."""
