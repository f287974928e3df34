"""Files of pictures: what they are, and how they are opened."""
