"""``fit-image IMAGE``: train a network, record it, animate it."""
