"""The page of a sweep: its sections as HTML, its style and its scripts."""
