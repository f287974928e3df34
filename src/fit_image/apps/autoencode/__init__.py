"""Networks that redraw pictures from a compressed inner representation of them."""
