"""What the hidden units of a network draw over its picture, and how they came to it."""
