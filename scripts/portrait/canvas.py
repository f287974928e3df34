"""The picture's size and pixels, and a brush to draw on them."""

import numpy as np
from PIL import Image, ImageDraw

Array = np.ndarray
Rng = np.random.Generator

WIDTH, HEIGHT = 300, 429


class Grid:
    """Pixel centres x, y in picture units; scale is pixels per unit."""

    def __init__(self, scale: int) -> None:
        self.scale = scale
        self.shape = (HEIGHT * scale, WIDTH * scale)
        rows, columns = np.indices(self.shape, dtype=np.float32)
        self.x, self.y = (columns + 0.5) / scale, (rows + 0.5) / scale


def to_bytes(colour: Array) -> Array:
    """Colours from 0..1 as bytes, rounded down."""
    return (np.clip(colour, 0, 1) * 255).astype(np.uint8)


class Brush:
    """Draws hard-edged shapes, given in picture units, onto a picture."""

    def __init__(self, colour: Array, scale: int) -> None:
        self.image = Image.fromarray(to_bytes(colour))
        self.draw = ImageDraw.Draw(self.image)
        self.scale = scale

    def dab(self, x: float, y: float, rx: float, ry: float, colour: Array) -> None:
        """An ellipse."""
        box = np.array([x - rx, y - ry, x + rx, y + ry]) * self.scale
        self.draw.ellipse(box.tolist(), tuple(to_bytes(colour).tolist()))

    def line(self, points: Array, width: float, colour: Array) -> None:
        """A line through points, at least one pixel wide."""
        pixels = max(1, round(width * self.scale))
        flat = (points * self.scale).ravel().tolist()
        self.draw.line(flat, tuple(to_bytes(colour).tolist()), pixels)

    def shape(self, points: list[tuple[float, float]], colour: Array) -> None:
        """A filled polygon."""
        flat = (np.array(points) * self.scale).ravel().tolist()
        self.draw.polygon(flat, tuple(to_bytes(colour).tolist()))

    def pixels(self) -> Array:
        """The picture so far, in 0..1."""
        return np.asarray(self.image, dtype=np.float32) / 255
