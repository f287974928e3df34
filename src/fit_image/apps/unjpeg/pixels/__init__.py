"""From pictures of pixels to planes of luma and chroma, and back."""
