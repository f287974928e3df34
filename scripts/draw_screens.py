#!/usr/bin/env python3
"""Draw pictures of screens: pages and programs' windows in many fonts and colours, without loss.

The pages are composed at random from the seed and shown by Chromium. The fonts, colours, measures
and words of the part ``test`` are never those of the part ``train``.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from random import Random

from fit_image.errors import FitImageError
from screens.browser import Display, find_browser, shoot
from screens.desktop import SCENES, compose
from screens.fonts import Fonts, find_fonts
from screens.kit import Kit
from screens.theme import make_theme
from screens.words import Words

LEAST = 256
"""Pixels of a side."""


def report(line: str) -> None:
    """Print what is not a result."""
    print(line, file=sys.stderr, flush=True)


def parse_size(text: str) -> tuple[int, int]:
    """Read a width and a height such as 1280x800."""
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if not match or min(int(match[1]), int(match[2])) < LEAST:
        raise argparse.ArgumentTypeError(f"not a size of {LEAST}x{LEAST} or more: {text}")
    return int(match[1]), int(match[2])


def make_display(rng: Random, size: tuple[int, int]) -> Display:
    """Choose how a screen shows its glyphs; most have the common density."""
    return Display(
        width=size[0],
        height=size[1],
        scale=rng.choice([1] * 9 + [1.25, 1.5, 2]),
        hinting=rng.choice(["none", "slight", "slight", "medium", "full"]),
        edges=rng.choice(["grey"] * 7 + ["coloured"] * 2 + ["hard"]),
    )


def draw(program: str, fonts: Fonts, arguments: argparse.Namespace, index: int) -> None:
    """Draw one screen."""
    part = arguments.part
    rng = Random(f"{part} {arguments.seed} {index}")
    display = make_display(rng, arguments.size)
    # In turn, so that few pictures show all scenes, too.
    order = Random(f"{part} {arguments.seed} {index // len(SCENES)}").sample(SCENES, len(SCENES))
    kit = Kit(rng, Words(rng, part), make_theme(rng, part, fonts), fonts, part)
    width, height = (round(side / display.scale) for side in arguments.size)
    page = compose(kit, order[index % len(SCENES)], width, height)
    shoot(program, page, display, arguments.output / f"{part}-{arguments.seed}-{index:04}.png")


def main() -> None:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path, metavar="OUT", help="folder, made when absent")
    parser.add_argument("--count", type=int, default=100, metavar="N", help="(default 100)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="(default 0)")
    parser.add_argument("--part", choices=("train", "test"), default="train")
    parser.add_argument(
        "--size",
        type=parse_size,
        default=(1280, 800),
        metavar="WxH",
        help="of the pictures in pixels (default 1280x800)",
    )
    parser.add_argument(
        "--first", type=int, default=0, metavar="N", help="skip the pictures before (default 0)"
    )
    arguments = parser.parse_args()
    if arguments.count < 1 or arguments.first < 0:
        parser.error("--count must be 1 or more, and --first 0 or more")
    try:
        program, fonts = find_browser(), find_fonts(arguments.part)
        report(
            f"{len(fonts)} fonts of the part {arguments.part}: {len(fonts.sans)} sans, "
            f"{len(fonts.serif)} serif, {len(fonts.mono)} mono"
        )
        arguments.output.mkdir(parents=True, exist_ok=True)
        for index in range(arguments.first, arguments.first + arguments.count):
            draw(program, fonts, arguments, index)
            report(f"{index + 1 - arguments.first} of {arguments.count}")
    except OSError as error:
        report(f"error: cannot write {arguments.output}: {error.strerror}")
        sys.exit(1)
    except FitImageError as error:
        report(f"error: {error}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        report("stopped")
        sys.exit(130)
    print(f"{arguments.count} pictures in {arguments.output}")


if __name__ == "__main__":
    main()
