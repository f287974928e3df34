"""Paint the example portrait: a lady before a river landscape, after the old masters.

The sitter is modelled as a signed-distance field and lit by one lamp, so that light and shadow
agree over face, neck and cloth; colours come from painter's ramps (shadow to highlight).  Hair is
drawn as thousands of strands, the landscape as layers of noise and dabs.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from portrait.canvas import HEIGHT, WIDTH, Array, Grid
from portrait.clothes import paint_dress, paint_mantle, paint_sleeves
from portrait.face import paint_eyes, paint_skin
from portrait.hair import paint_hair
from portrait.jewels import paint_jewels
from portrait.landscape import paint_hills, paint_river, paint_sky
from portrait.light import see_figure
from portrait.noise import fbm
from portrait.trees import paint_trees

SUPERSAMPLE = 3


def varnish(colour: Array, grid: Grid) -> Array:
    """A warm glaze, darker corners, and a trace of brush and canvas."""
    x, y = grid.x, grid.y
    corner = ((x - WIDTH / 2) / WIDTH) ** 2 + ((y - HEIGHT * 0.42) / HEIGHT) ** 2
    colour = colour * (1 - 0.70 * corner)[..., None] * np.float32([1.08, 1.04, 0.98])
    weave = fbm(x * 1.1, y / 3, 2, 61) + fbm(x / 3, y * 1.1, 2, 62) - 1
    return colour * (1 + 0.036 * weave)[..., None]


def paint(scale: int) -> Image.Image:
    """The whole picture, scale times 300x429 pixels."""
    grid = Grid(scale * SUPERSAMPLE)
    landscape = paint_sky(grid)
    for layer in (paint_hills, paint_river, paint_trees):
        landscape = layer(landscape, grid)
    figure = see_figure(grid)
    sitter = paint_skin(figure)
    for part in (paint_eyes, paint_dress, paint_sleeves, paint_mantle):
        sitter = part(sitter, figure)
    colour = np.where(figure.mask[..., None], sitter, landscape)
    for part in (paint_jewels, paint_hair):
        colour = part(colour, figure)
    colour = np.clip(varnish(colour, grid), 0, 1)
    picture = Image.fromarray((colour * 255 + 0.5).astype(np.uint8))
    return picture.resize((WIDTH * scale, HEIGHT * scale), Image.Resampling.LANCZOS)


def main() -> None:
    """Read the command line and paint."""
    default = Path(__file__).resolve().parents[1] / "examples" / "portrait.png"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", nargs="?", type=Path, default=default)
    parser.add_argument("--scale", type=int, default=1, help="size as a multiple of 300x429")
    args = parser.parse_args()
    args.output.parent.mkdir(parents=True, exist_ok=True)
    paint(args.scale).save(args.output, optimize=True)


if __name__ == "__main__":
    main()
