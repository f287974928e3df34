"""How good a picture gets in how many seconds, beside PyTorch.

Peer and ours train side by side in one process. The sections are independent of each other.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from benchmark import ours, peers
from benchmark.curve import Curve, in_turns, trace
from benchmark.journal import Journal
from benchmark.large import measure_large
from benchmark.pictures import LARGE_SIZE, Picture, choose, pictures
from benchmark.search import search, winners
from fit_image import FitConfig, parse_layers
from fit_image.nn.runtime.machine import usable_cores
from fit_image.presets import preset_config
from fit_image.strict_json import to_json

MARKS: dict[str, dict[int, float | None]] = {
    "monalisa": {3: 36.0, 10: 40.0},
    "kodim15": {6: 35.0, 15: None, 25: 38.0},
}
"""Seconds of training after which a picture's PSNR is told, with what it should be at least."""
KODAK, KODAK_SECONDS, KODAK_GOAL = "kodim", 15, 34.0
"""Names of the photographs begin so; their mean PSNR after so long should be at least that."""

SPEED_GOAL_DB = 30.0
SPEED_PICTURE = "kodim15"

# Lengths of the tuned peer's runs, as shares of the longest. The rate falls to zero in each, so
# that the shortest one that gets there at all tells how fast the peer can be.
_SHARES = tuple(1.4**-power for power in reversed(range(8)))

_LOOK_EVERY = 2.0  # seconds of the peer's training, for drawing takes as long again

GRID = {
    "encoding": "grid:levels=8,features=2,entries=65536",
    "layers": parse_layers("2x64"),
    "optimizer": "adam",
    "learning_rate": 0.01,
    "batch_size": 4096,
}
GRID_PICTURE, GRID_SECONDS = "monalisa", 8.0

OURS, SHARP = "instant", "sharp"


@dataclass(frozen=True)
class Settings:
    """What the sections are measured with.

    Attributes
    ----------
    pictures : list of Picture
    recipes : dict of str to Recipe
        The peers.
    threads : int
        Of ours and of PyTorch.
    seconds : float
        Of training for each in ``sharp``.
    limit : float
        Seconds after which a peer that did not get there is given up.
    large_options : tuple of str
        Options of the command that learns the large picture.
    journal : Journal
    """

    pictures: list[Picture]
    recipes: dict[str, peers.Recipe]
    threads: int
    seconds: float
    limit: float
    large_options: tuple[str, ...]
    journal: Journal

    def curves(
        self,
        conditions: dict[str, Any],
        measure: Callable[[], dict[str, Curve]],
    ) -> dict[str, Curve]:
        """Measure, or take from the journal; say on standard error what is under way."""
        print(f"{conditions['section']}: {conditions['picture']}", file=sys.stderr)
        result = self.journal.get(
            conditions | {"threads": self.threads},
            lambda: {name: curve.to_json() for name, curve in measure().items()},
        )
        return {name: Curve.from_json(points) for name, points in result.items()}


def measure_instant(settings: Settings) -> dict[str, Any]:
    """Train the preset ``instant`` on every picture as it comes, and draw after every epoch."""
    rows = []
    for picture in settings.pictures:
        marks = MARKS.get(picture.name, {KODAK_SECONDS: None})
        config = preset_config(OURS, *picture.size)
        seconds = max(marks)
        curve = settings.curves(
            _conditions("instant", picture, config, seconds=seconds),
            lambda picture=picture, config=config, seconds=seconds: {
                OURS: trace(ours.train(picture.levels, config, seconds, settings.threads))
            },
        )[OURS]
        rows.append(
            {
                "picture": picture.name,
                "us": curve.us,
                "marks": [
                    {"seconds": mark, "psnr": curve.psnr_at(mark), "goal": goal}
                    for mark, goal in marks.items()
                ],
                "curve": curve.to_json(),
            }
        )
    photographs = [
        mark["psnr"]
        for row in rows
        if row["picture"].startswith(KODAK)
        for mark in row["marks"]
        if mark["seconds"] == KODAK_SECONDS
    ]
    mean = statistics.fmean(photographs) if photographs else None
    return {"pictures": rows, "kodak_mean": mean, "kodak_goal": KODAK_GOAL}


def measure_speed(settings: Settings) -> dict[str, Any]:
    """Measure the time to a PSNR: ours anew beside each run of a peer."""
    picture = choose(settings.pictures, SPEED_PICTURE)
    config = preset_config(OURS, *picture.size)

    def beside(name: str, seconds: float) -> dict[str, Curve]:
        recipe = settings.recipes[name]
        runs = {
            OURS: ours.train(picture.levels, config, threads=settings.threads),
            name: peers.train(picture.levels, recipe, seconds, max(seconds / 100, _LOOK_EVERY)),
        }
        return settings.curves(
            _conditions("speed", picture, config, peer=asdict(recipe), seconds=seconds),
            lambda: in_turns(runs, until=SPEED_GOAL_DB),
        )

    mine, rows = [], []
    for name, shares in (
        (peers.PUBLISHED_SIREN, (1.0,)),
        (peers.BEST_SIREN, _SHARES),
        (peers.PATIENT_SIREN, _SHARES),
    ):
        for share in shares:
            curves = beside(name, share * settings.limit)
            mine.append(curves[OURS].seconds_to(SPEED_GOAL_DB))
            seconds = curves[name].seconds_to(SPEED_GOAL_DB)
            if seconds < math.inf:
                break
        psnr = max(point.psnr for point in curves[name].points)
        rows.append({"peer": name, "seconds": _finite(seconds), "psnr": psnr})
    seconds = statistics.median(mine)
    for row in rows:
        row["ratio"] = (row["seconds"] or settings.limit) / seconds
    return {
        "picture": picture.name,
        "goal": SPEED_GOAL_DB,
        "limit": settings.limit,
        "seconds": _finite(seconds),
        "peers": rows,
    }


def measure_grid(settings: Settings) -> dict[str, Any]:
    """Measure how long the learned grid takes for a pixel."""
    picture = choose(settings.pictures, GRID_PICTURE)
    config = FitConfig(**GRID)
    curve = settings.curves(
        _conditions("grid", picture, config, seconds=GRID_SECONDS),
        lambda: {
            OURS: trace(ours.train(picture.levels, config, GRID_SECONDS, settings.threads)),
        },
    )[OURS]
    last = curve.points[-1]
    return {"picture": picture.name, "us": curve.us, "seconds": last.seconds, "psnr": last.psnr}


def measure_sharp(settings: Settings) -> list[dict[str, Any]]:
    """Train the preset ``sharp`` and the tuned peers on every picture for the same time."""
    recipes = {name: settings.recipes[name] for name in (peers.BEST_SIREN, peers.BEST_FOURIER)}
    rows = []
    for picture in settings.pictures:
        config = preset_config(SHARP, *picture.size)
        conditions = _conditions(
            "sharp",
            picture,
            config,
            peers={name: asdict(recipe) for name, recipe in recipes.items()},
            seconds=settings.seconds,
        )
        curves = settings.curves(
            conditions,
            lambda picture=picture, config=config: _side_by_side(
                picture, config, recipes, settings.seconds, settings.threads
            ),
        )
        psnrs = {name: curve.psnr_at(settings.seconds) for name, curve in curves.items()}
        best_peer = max(psnr for name, psnr in psnrs.items() if name != SHARP)
        rows.append(
            {"picture": picture.name, "psnrs": psnrs, "lead": psnrs[SHARP] - best_peer}
            | {"curves": {name: curve.to_json() for name, curve in curves.items()}}
        )
    return rows


def _side_by_side(
    picture: Picture,
    config: FitConfig,
    recipes: dict[str, peers.Recipe],
    seconds: float,
    threads: int,
) -> dict[str, Curve]:
    config = ours.filling(picture.levels, config, seconds, threads)
    runs = {SHARP: ours.train(picture.levels, config, seconds, threads)}
    for name, recipe in recipes.items():
        runs[name] = peers.train(picture.levels, recipe, seconds, every=seconds / 8)
    return in_turns(runs)


def measure_large_picture(settings: Settings) -> dict[str, Any]:
    """Learn a photograph of 24 megapixels through the command line."""
    source = choose(settings.pictures, SPEED_PICTURE)
    print(f"large: {source.name} enlarged", file=sys.stderr)
    config = preset_config(OURS, *LARGE_SIZE)
    conditions = _conditions("large", source, config, options=settings.large_options)

    def measure() -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            return measure_large(source, Path(folder), settings.large_options)

    return settings.journal.get(conditions, measure)


SECTIONS: dict[str, Callable[[Settings], Any]] = {
    "instant": measure_instant,
    "speed": measure_speed,
    "grid": measure_grid,
    "sharp": measure_sharp,
    "large": measure_large_picture,
}
"""What `--only` chooses from."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that belong to ``--quality``."""
    group = parser.add_argument_group("with --quality")
    group.add_argument(
        "--only",
        type=_sections,
        default=list(SECTIONS),
        metavar="NAMES",
        help=f"sections, separated by commas (default {','.join(SECTIONS)})",
    )
    group.add_argument(
        "--pictures", type=Path, nargs="+", default=(), metavar="FILE", help="instead of the usual"
    )
    group.add_argument(
        "--seconds", type=float, default=40.0, help="of training for each in sharp (default 40)"
    )
    group.add_argument(
        "--limit", type=float, default=600.0, help="seconds to give up a peer after (default 600)"
    )
    group.add_argument("--threads", type=int, default=usable_cores(), help="default: all cores")
    group.add_argument(
        "--search",
        type=float,
        nargs="?",
        const=20.0,
        metavar="SECONDS",
        help="look for the peers' best settings first, so long for each (default 20)",
    )
    group.add_argument(
        "--time-limit", metavar="TIME", help="of the large picture, as fit-image takes it"
    )
    group.add_argument(
        "--journal", type=Path, metavar="FILE", help="keep what is measured, and go on with it"
    )


def _sections(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in SECTIONS:
            raise argparse.ArgumentTypeError(f"{name!r} is not one of {', '.join(SECTIONS)}")
    return names


def measure_quality(arguments: argparse.Namespace, machine: dict[str, Any]) -> dict[str, Any]:
    """Measure the sections asked for; return them by name, with the peers' recipes."""
    torch.set_num_threads(arguments.threads)
    chosen = pictures(arguments.pictures)
    journal = Journal(arguments.journal, machine)
    trials = []
    if arguments.search:
        picture = choose(chosen, SPEED_PICTURE)
        trials = search(picture, arguments.search, arguments.threads, journal)
    large_options = ("--threads", str(arguments.threads))
    if arguments.time_limit:
        large_options += ("--time-limit", arguments.time_limit)
    settings = Settings(
        chosen,
        peers.RECIPES | winners(trials),
        arguments.threads,
        arguments.seconds,
        arguments.limit,
        large_options,
        journal,
    )
    return {
        "threads": settings.threads,
        "seconds": settings.seconds,
        "recipes": {name: asdict(recipe) for name, recipe in settings.recipes.items()},
        "search": [asdict(trial) for trial in trials],
    } | {name: SECTIONS[name](settings) for name in arguments.only}


def _conditions(section: str, picture: Picture, config: FitConfig, **others: Any) -> dict[str, Any]:
    return {"section": section, "picture": picture.name, "config": to_json(config)} | others


def _finite(seconds: float) -> float | None:
    return seconds if math.isfinite(seconds) else None
