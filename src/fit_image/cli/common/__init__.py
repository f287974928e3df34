"""Parts that the commands share: options, progress, signals."""
