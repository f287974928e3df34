#!/usr/bin/env python3
"""Draw patterns that a restorer of JPEGs may take for damage: noise, chessboards, dithering."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from command_line import run_command
from fit_image.images.ycbcr import BLUE_OF_CB, GREEN_OF_CB, GREEN_OF_CR, RED_OF_CR
from fit_image.storage.atomic import atomic_path

Numbers = npt.NDArray[Any]
Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Sheet:
    """Places of a picture's pixels, and chance; brightness, shares and thresholds are 0 to 1."""

    rng: np.random.Generator
    y: Numbers
    x: Numbers

    def chance(self, *channels: int) -> Numbers:
        """Return noise."""
        return self.rng.random((*self.x.shape, *channels))

    def squares(self) -> tuple[Numbers, Numbers]:
        """Return the row and the column of the square that a pixel is in."""
        size = self.rng.choice([1, 2, 3, 4, 5, 8, 16])
        down, right = self.rng.integers(0, size, 2)
        return (self.y + down) // size, (self.x + right) // size

    def lattice(self, turned: bool = False) -> tuple[Numbers, Numbers]:
        """Return a pixel's place in its square of a lattice, which may stand on a corner."""
        size = self.rng.integers(3, 10)
        down, right = self.rng.integers(0, size, 2)
        first, second = (self.y + self.x, self.y - self.x) if turned else (self.y, self.x)
        return (first + down) % size, (second + right) % size

    def along(self) -> Numbers:
        """Return distances in pixels in a direction."""
        angle = self.rng.choice([0, np.pi / 2, self.rng.uniform(0, 2 * np.pi)])
        way = self.x * np.cos(angle) + self.y * np.sin(angle)
        return np.asarray(way - way.min())

    def around(self) -> Numbers:
        """Return distances in pixels from a point."""
        down, right = self.rng.random(2) * self.x.shape
        return np.asarray(np.hypot(self.y - down, self.x - right))

    def field(self) -> Numbers:
        """Return a smooth field."""
        waves = self.rng.uniform(-1, 1, (7, 3)) * [0.1, 0.1, np.pi]
        return unit(np.sum([np.sin(a * self.x + b * self.y + c) for a, b, c in waves], axis=0))

    def scene(self) -> Numbers:
        """Return a smooth field or a ramp in each channel."""
        ways = self.rng.choice([0, 1], 3)
        return np.stack([self.field() if way else unit(self.along()) for way in ways], axis=-1)

    def dots(self) -> Numbers:
        """Return thresholds of a printer's screen."""
        angle, pitch = self.rng.uniform(0, np.pi / 2), 2 * np.pi / self.rng.uniform(3, 9)
        right, down = np.cos(angle) * pitch, np.sin(angle) * pitch
        return (wave(right * self.x + down * self.y) + wave(right * self.y - down * self.x)) / 2

    def bayer(self) -> Numbers:
        """Return thresholds of ordered dithering."""
        tile = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]])
        return np.asarray(tile[self.y % 4, self.x % 4] + 0.5) / 16

    def mix(self, share: Numbers) -> Picture:
        """Mix two colours or greys, often black and white, by shares of the second."""
        channels = self.rng.choice([1, 3])
        first = self.rng.integers(0, 256, channels)
        second = (first + self.rng.integers(8, 249, channels)) % 256
        if self.rng.random() < 0.3:
            first, second = np.array([0]), np.array([255])
        return shown((first + share[..., None] * (second - first)) / 255)

    def chroma(self, first: Numbers, second: Numbers) -> Picture:
        """Return a picture of one luma, whose chroma goes with two numbers."""
        blue, red = (self.rng.uniform(0.06, 0.18) * (2 * each - 1) for each in (first, second))
        green = -GREEN_OF_CB * blue - GREEN_OF_CR * red
        changes = np.stack([RED_OF_CR * red, green, BLUE_OF_CB * blue], axis=-1)
        return shown(self.rng.uniform(0.4, 0.6) + changes)

    def sprites(self) -> Picture:
        """Draw symmetric figures of 8 x 8 squares."""
        rows, columns = (length // 8 + 1 for length in self.x.shape)
        half = np.maximum(self.rng.integers(-3, 8, (8 * rows, columns, 4)), 0)
        whole = np.concatenate([half, half[..., ::-1]], axis=2).reshape(8 * rows, -1)
        return shown(self.rng.random((8, 3))[whole[self.squares()]])

    def fractal(self, julia: bool) -> Numbers:
        """Return how soon z * z + c, again and again, is far away: steps modulo 20."""
        z = self.x - self.x.mean() + 1j * (self.y - self.y.mean())
        z *= self.rng.uniform(0.5, 3) / self.x.shape[1]
        c = 0.78 * np.exp(1j * self.rng.uniform(1, 5)) if julia else z - 0.6
        steps = np.zeros(self.x.shape)
        for _ in range(50):
            steps += np.abs(z) < 4
            z = np.where(np.abs(z) < 4, z * z + c, z)
        return steps % 20 / 20

    def figures(self, name: str, scale: int) -> Picture:
        """Paint figures between eight corners: 0 is above on the left, 4 opposite."""
        (height, width), rng = self.x.shape, self.rng
        ground, *colours = (tuple(each) for each in rng.integers(0, 256, (40, 3)).tolist())
        image = Image.new("RGB", (width * scale, height * scale), ground)
        angles = np.arange(5, 13) * np.pi / 4
        for colour in colours:
            reach = rng.uniform(2, 40, 2) * scale * rng.uniform(0.4, 1, (8, 1))
            at = rng.random(2) * image.size + reach * np.stack([np.cos(angles), np.sin(angles)], 1)
            thickness = int(rng.integers(1, 4)) * scale
            FIGURES[name](ImageDraw.Draw(image), at.ravel().tolist(), colour, thickness)
        return np.asarray(image.resize((width, height), Image.Resampling.LANCZOS))


def shown(share: Numbers) -> Picture:
    """Return a picture of brightness in one channel or three."""
    share = np.broadcast_to(share if share.ndim == 3 else share[..., None], (*share.shape[:2], 3))
    return np.clip(np.rint(255.0 * share), 0, 255).astype(np.uint8)


def hue(turns: Numbers) -> Picture:
    """Return colours of the rainbow, which begins again at every whole number."""
    return shown(np.stack([np.abs((6 * turns + at) % 6 - 3) - 1 for at in (0, 4, 2)], axis=-1))


def jet(share: Numbers) -> Picture:
    """Map 0 to 1 to blue, green, yellow, red."""
    return shown(np.stack([1.5 - np.abs(4 * share - peak) for peak in (3, 2, 1)], axis=-1))


def unit(values: Numbers) -> Numbers:
    """Scale to 0 to 1."""
    return np.asarray((values - values.min()) / np.ptp(values))


def wave(phase: Numbers) -> Numbers:
    """Return a cosine of 0 to 1."""
    return np.asarray(0.5 + 0.5 * np.cos(phase))


def diffused(share: Numbers, count: int) -> Picture:
    """Dither with so many colours by error diffusion."""
    image = Image.fromarray(shown(share))
    return np.asarray(image.quantize(palette=image.quantize(count)).convert("RGB"))


FIGURES: dict[str, Callable[..., object]] = {
    "lines": lambda canvas, at, ink, width: canvas.line(at[:2] + at[6:8] + at[12:14], ink, width),
    "curves": lambda canvas, at, ink, width: canvas.ellipse(at[:2] + at[8:10], None, ink, width),
    "rectangles": lambda canvas, at, ink, width: canvas.rectangle(at[:2] + at[8:10], ink),
    "map": lambda canvas, at, ink, width: canvas.polygon(at, ink, (60, 60, 60), width),
}

KINDS: dict[str, Callable[[Sheet], Picture]] = {
    "noise-grey": lambda s: shown(s.chance()),
    "noise-colour": lambda s: shown(s.chance(3)),
    "noise-soft": lambda s: shown(0.4 + s.rng.uniform(0.03, 0.4) * s.chance(s.rng.choice([1, 3]))),
    "noise-sparse": lambda s: s.mix(s.chance() < s.rng.uniform(0.01, 0.1)),
    "noise-streaks": lambda s: shown(np.cumsum(0.1 * s.chance() - 0.05, axis=1) % 1),
    "blocks-colour": lambda s: shown(s.chance(3)[s.squares()]),
    "blocks-faint": lambda s: shown(0.4 + 0.15 * s.chance()[s.squares()]),
    "blocks-code": lambda s: s.mix(s.chance()[s.squares()] < 0.5),
    "barcode": lambda s: s.mix(s.rng.integers(0, 2, s.x.size)[s.squares()[1]]),
    "chessboard": lambda s: s.mix(np.add(*s.squares()) % 2),
    "stripes-across": lambda s: s.mix(s.squares()[0] % 2),
    "stripes-down": lambda s: s.mix(s.squares()[1] % 2),
    "stripes-diagonal": lambda s: s.mix(s.lattice(turned=True)[s.rng.integers(2)] == 0),
    "stripes-colours": lambda s: shown(s.chance(3)[0][s.squares()[1]]),
    "hatching": lambda s: s.mix(np.minimum(*s.lattice(turned=True)) == 0),
    "grid": lambda s: s.mix(np.minimum(*s.lattice()) == 0),
    "dots": lambda s: s.mix(np.maximum(*s.lattice()) == 0),
    "rainbow-ramp": lambda s: hue(s.along() / s.rng.uniform(20, 250)),
    "rainbow-field": lambda s: hue(s.rng.uniform(1, 4) * s.field()),
    "jet-field": lambda s: jet(s.field()),
    "jet-noise": lambda s: jet(s.field() + s.rng.normal(0, 0.05, s.x.shape)),
    "zone-plate": lambda s: s.mix(wave(s.around() ** 2 / s.rng.uniform(50, 400))),
    "waves": lambda s: s.mix(wave(s.along() * s.rng.uniform(0.2, 3))),
    "waves-chirp": lambda s: s.mix(wave(s.along() ** 2 / s.rng.uniform(60, 300))),
    "waves-moire": lambda s: s.mix((wave(2.2 * s.around()) + wave(2.1 * s.around())) / 2),
    "waves-plasma": lambda s: shown(wave(s.rng.uniform(6, 30) * s.scene())),
    "gradient-linear": lambda s: s.mix(unit(s.along())),
    "gradient-radial": lambda s: s.mix(unit(s.around())),
    "gradient-stepped": lambda s: s.mix(np.rint(9 * unit(s.along())) / 9),
    "gradient-faint": lambda s: shown(s.rng.uniform(0.05, 0.9) + 0.05 * unit(s.along())),
    "gradient-steep": lambda s: shown(s.along() * s.rng.integers(3, 16) / 256 % 1),
    "gradient-colours": lambda s: shown(s.scene()),
    "posterised": lambda s: shown(np.rint(3 * s.scene()) / 3),
    "enlarged": lambda s: shown(wave(30 * s.scene())[s.squares()]),
    "dither-ordered": lambda s: s.mix(s.field() > s.bayer()),
    "dither-ordered-colours": lambda s: shown(np.floor(5 * s.scene() + s.bayer()[..., None]) / 5),
    "dither-diffused": lambda s: diffused(s.scene(), int(s.rng.integers(2, 17))),
    "halftone": lambda s: s.mix(s.field() > s.dots()),
    "halftone-soft": lambda s: s.mix(np.clip(0.5 + 4 * (s.field() - s.dots()), 0, 1)),
    "halftone-colours": lambda s: shown(np.stack([s.field() > s.dots() for _ in "rgb"], axis=-1)),
    "scan-lines": lambda s: shown(s.scene() * (1 - s.y % 2 / 2)[..., None]),
    "sprites": Sheet.sprites,
    "mandelbrot": lambda s: hue(s.fractal(julia=False)),
    "julia": lambda s: jet(s.fractal(julia=True)),
    **{name: partial(Sheet.figures, name=name, scale=1) for name in FIGURES},
    **{f"{name}-soft": partial(Sheet.figures, name=name, scale=4) for name in FIGURES},
    "chroma-noise": lambda s: s.chroma(s.chance(), s.chance()),
    "chroma-chessboard": lambda s: s.chroma(np.add(*s.squares()) % 2, s.field()),
    "chroma-stripes": lambda s: s.chroma(s.squares()[1] % 2, s.squares()[0] % 2),
    "chroma-field": lambda s: s.chroma(wave(20 * s.field()), wave(31 * s.field())),
}


def draw(kind: str, seed: int, number: int, width: int, height: int) -> Picture:
    """Draw a picture, whatever other kinds there are."""
    rng = np.random.default_rng([seed, number, *kind.encode()])
    return KINDS[kind](Sheet(rng, *np.mgrid[:height, :width]))


@click.command(help=__doc__)
@click.argument("output", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--each", type=click.IntRange(1), default=1, show_default=True,
              help="Pictures of each kind.")  # fmt: skip
@click.option("--width", type=click.IntRange(16), default=192, show_default=True)
@click.option("--height", type=click.IntRange(16), default=160, show_default=True)
def main(output: Path, seed: int, each: int, width: int, height: int) -> None:
    """Read the command line and draw."""
    output.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        for number in range(each):
            with atomic_path(output / f"{kind}-{number}.png") as temporary:
                Image.fromarray(draw(kind, seed, number, width, height)).save(temporary)
    click.echo(f"{each * len(KINDS)} pictures in {output}")


if __name__ == "__main__":
    run_command(main)
