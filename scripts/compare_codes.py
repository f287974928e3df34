#!/usr/bin/env python3
"""Compare codes of several sizes on a page: auto-encoders of several kinds, and PCA beside."""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import replace
from pathlib import Path

from codes.measure import Comparison, Pair
from codes.page import render
from fit_image import atomic
from fit_image.apps.autoencode.pictures import load_lesson
from fit_image.apps.autoencode.recipe import Recipe
from fit_image.errors import FitImageError

CODES = (4, 128, 512, 1024)


def plan(shape: tuple[int, ...], codes: tuple[int, ...], filters: int) -> list[tuple[str, Recipe]]:
    """Return names and recipes: convolutional ones and their equals among them."""
    pooled = math.prod(-(-side // 4) for side in shape[:2]) * filters
    networks = [
        (f"fully connected {code:,}", Recipe(bottleneck=code)) for code in sorted({*codes, pooled})
    ]
    tied = [(f"tied {code:,}", Recipe(bottleneck=code, tied=True)) for code in sorted(codes)[-1:]]
    # Few pictures make few steps an epoch, and its few weights need many.
    convolutional = Recipe(conv=True, filters=filters, batch_size=20)
    return [*networks, *tied, (f"convolutional {pooled:,}", convolutional)]


def main() -> None:
    """Train all, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, metavar="DATA")
    parser.add_argument("-o", "--output", type=Path, default=Path("codes.html"), metavar="FILE")
    parser.add_argument("--test", type=Path, metavar="DATA", help="pictures held out")
    parser.add_argument("--codes", type=int, nargs="+", default=CODES, metavar="N")
    parser.add_argument("--filters", type=int, default=8, metavar="N")
    parser.add_argument("--epochs", type=int, default=100, metavar="N")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--threads", type=int, metavar="N")
    arguments = parser.parse_args()
    try:
        lesson = load_lesson(arguments.data, arguments.test, arguments.seed)
        comparison = Comparison(lesson, arguments.seed, arguments.threads)
        pairs = []
        recipes = plan(comparison.mean.shape, tuple(arguments.codes), arguments.filters)
        for name, recipe in recipes:
            recipe = replace(recipe, seed=arguments.seed)
            for step in comparison.pair(name, recipe, arguments.epochs):
                if isinstance(step, Pair):
                    pairs.append(step)
                elif sys.stderr.isatty():
                    print(f"\r{name}: epoch {step}/{arguments.epochs} ", end="", file=sys.stderr)
            network, pca = pairs[-1].network, pairs[-1].pca
            beside = "" if pca is None else f", PCA {pca.psnr:.2f}"
            print(f"{name}: {network.psnr:.2f} dB{beside}, {network.seconds:.0f} s", flush=True)
        if any(pair.network.code > comparison.most_components for pair in pairs):
            all_components = comparison.pca(comparison.most_components)
            assert all_components is not None
            pairs.append(Pair(all_components, None))
        page = render(comparison, pairs, arguments.data.stem)
        atomic.write_bytes(arguments.output, page.encode())
    except FitImageError as error:
        sys.exit(f"compare_codes: {error}")
    print(arguments.output)


if __name__ == "__main__":
    main()
