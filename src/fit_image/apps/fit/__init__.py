"""Training a network to paint one picture."""
