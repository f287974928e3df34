"""Pictures: the one place that opens, scales, converts and saves them."""
