"""Training by single samples and by batches."""
