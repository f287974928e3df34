"""How good a picture gets in how many seconds, beside PyTorch."""
