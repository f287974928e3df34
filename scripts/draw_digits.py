#!/usr/bin/env python3
"""Make the pictures of digits in the README: of the shipped model, and of trainings on the way."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"

SEED, SIZE = 0, "1080x1080"


def draw_grid(name: str, *run: Path) -> None:
    """Draw ten digits of each class."""
    command = ("digits", "grid", *run, "--seed", SEED, "--size", SIZE, "-o", EXAMPLES / name)
    subprocess.run([sys.executable, "-m", "fit_image", *map(str, command)], check=True)


def main() -> None:
    """Draw what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "run", nargs="?", type=Path, metavar="RUN", help="a training (default: the shipped model)"
    )
    parser.add_argument(
        "--epochs", type=int, metavar="N", help="how many it has had, for the picture's name"
    )
    arguments = parser.parse_args()
    if arguments.run:
        if not arguments.epochs:
            parser.error("give the run's --epochs")
        draw_grid(f"digits-{arguments.epochs}.png", arguments.run)
    else:
        draw_grid("digits.png")


if __name__ == "__main__":
    main()
