"""Pictures of the hidden units of a network over its picture, and how they came to it."""
