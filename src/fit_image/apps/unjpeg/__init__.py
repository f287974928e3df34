"""Networks that remove what JPEG compression has done to pictures, patch by patch."""
