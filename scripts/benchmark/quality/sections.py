"""The sections of ``--quality``: peer and ours train side by side in one process."""

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

from benchmark.quality import ours, peers
from benchmark.quality.curves import (
    Curve,
    Journal,
    Point,
    in_turns,
    psnr_at,
    seconds_to,
    us_a_pixel,
)
from benchmark.quality.pictures import LARGE_SIZE, Picture, choose, learn_large, pictures
from fit_image import FitConfig, parse_layers
from fit_image.core.machine import usable_cores
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
_LOOK_EVERY = 0.5  # seconds, at least: a step of the published peer takes as long again

GRID = FitConfig(
    encoding="grid:levels=8,features=2,entries=65536",
    layers=parse_layers("2x64"),
    optimizer="adam",
    learning_rate=0.01,
    batch_size=4096,
)
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

    def get(
        self,
        section: str,
        picture: Picture,
        config: FitConfig,
        measure: Callable[[], Any],
        **conditions: Any,
    ) -> Any:
        """Measure, or take from the journal; say on standard error what is under way."""
        print(f"{section}: {picture.name}", file=sys.stderr)
        known = {"section": section, "picture": picture.name, "config": to_json(config)}
        return self.journal.get(known | conditions, measure)

    def curves(
        self,
        section: str,
        picture: Picture,
        config: FitConfig,
        measure: Callable[[], dict[str, Curve]],
        **conditions: Any,
    ) -> dict[str, Curve]:
        """Get what `curves.in_turns` returns."""
        found = self.get(section, picture, config, measure, threads=self.threads, **conditions)
        return {name: [Point(*point) for point in curve] for name, curve in found.items()}

    def our_curve(self, section: str, picture: Picture, config: FitConfig, seconds: float) -> Curve:
        """Train ours alone."""

        def measure() -> dict[str, Curve]:
            return in_turns({OURS: ours.train(picture.levels, config, self.threads, seconds)})

        return self.curves(section, picture, config, measure, seconds=seconds)[OURS]


def measure_instant(settings: Settings) -> dict[str, Any]:
    """Train the preset ``instant`` on every picture as it comes, and draw after every epoch."""
    rows, photographs = [], []
    for picture in settings.pictures:
        marks = MARKS.get(picture.name, {KODAK_SECONDS: None})
        config = preset_config(OURS, *picture.size)
        curve = settings.our_curve("instant", picture, config, max(marks))
        if picture.name.startswith(KODAK) and KODAK_SECONDS in marks:
            photographs.append(psnr_at(curve, KODAK_SECONDS))
        found = [
            {"seconds": mark, "psnr": psnr_at(curve, mark), "goal": goal}
            for mark, goal in marks.items()
        ]
        row = {"picture": picture.name, "us": us_a_pixel(curve), "marks": found, "curve": curve}
        rows.append(row)
    mean = statistics.fmean(photographs) if photographs else None
    return {"pictures": rows, "kodak_mean": mean, "kodak_goal": KODAK_GOAL}


def measure_speed(settings: Settings) -> dict[str, Any]:
    """Measure the time to a PSNR: ours anew beside each run of a peer."""
    picture = choose(settings.pictures, SPEED_PICTURE)
    config = preset_config(OURS, *picture.size)

    def beside(name: str, seconds: float) -> dict[str, Curve]:
        recipe = settings.recipes[name]

        def measure() -> dict[str, Curve]:
            every = max(seconds / 100, _LOOK_EVERY)
            runs = {
                OURS: ours.train(picture.levels, config, settings.threads),
                name: peers.train(picture.levels, recipe, seconds, every),
            }
            return in_turns(runs, until=SPEED_GOAL_DB)

        conditions = {"peer": asdict(recipe), "seconds": seconds}
        return settings.curves("speed", picture, config, measure, **conditions)

    mine: list[float] = []
    rows: list[dict[str, Any]] = []
    for name, shares in (
        (peers.PUBLISHED_SIREN, (1.0,)),
        (peers.BEST_SIREN, _SHARES),
        (peers.PATIENT_SIREN, _SHARES),
    ):
        for share in shares:
            curves = beside(name, share * settings.limit)
            mine.append(seconds_to(curves[OURS], SPEED_GOAL_DB))
            reached = seconds_to(curves[name], SPEED_GOAL_DB)
            if reached < math.inf:
                break
        psnr = max(point.psnr for point in curves[name])
        rows.append({"peer": name, "seconds": _finite(reached), "psnr": psnr})
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
    curve = settings.our_curve("grid", picture, GRID, GRID_SECONDS)
    seconds, psnr, _ = curve[-1]
    return {"picture": picture.name, "us": us_a_pixel(curve), "seconds": seconds, "psnr": psnr}


def measure_sharp(settings: Settings) -> list[dict[str, Any]]:
    """Train the preset ``sharp`` and the tuned peers on every picture for the same time."""
    recipes = {name: settings.recipes[name] for name in (peers.BEST_SIREN, peers.BEST_FOURIER)}
    conditions = {"peers": {name: asdict(recipe) for name, recipe in recipes.items()}}
    seconds, threads = settings.seconds, settings.threads
    rows = []
    for picture in settings.pictures:
        config = preset_config(SHARP, *picture.size)

        def measure(picture: Picture = picture, config: FitConfig = config) -> dict[str, Curve]:
            config = ours.filling(picture.levels, config, threads, seconds)
            runs = {SHARP: ours.train(picture.levels, config, threads, seconds)}
            for name, recipe in recipes.items():
                runs[name] = peers.train(picture.levels, recipe, seconds, every=seconds / 8)
            return in_turns(runs)

        curves = settings.curves("sharp", picture, config, measure, seconds=seconds, **conditions)
        psnrs = {name: psnr_at(curve, seconds) for name, curve in curves.items()}
        lead = psnrs[SHARP] - max(psnr for name, psnr in psnrs.items() if name != SHARP)
        rows.append({"picture": picture.name, "psnrs": psnrs, "lead": lead, "curves": curves})
    return rows


def measure_large(settings: Settings) -> Any:
    """Learn a photograph of 24 megapixels through the command line."""
    source = choose(settings.pictures, SPEED_PICTURE)

    def measure() -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            return learn_large(source, Path(folder), settings.large_options)

    config = preset_config(OURS, *LARGE_SIZE)
    return settings.get("large", source, config, measure, options=settings.large_options)


SECTIONS: dict[str, Callable[[Settings], Any]] = {
    "instant": measure_instant,
    "speed": measure_speed,
    "grid": measure_grid,
    "sharp": measure_sharp,
    "large": measure_large,
}
"""What `--only` chooses from."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that belong to ``--quality``."""
    add = parser.add_argument_group("with --quality").add_argument
    names = ",".join(SECTIONS)
    add("--only", type=_sections, default=list(SECTIONS), metavar="NAMES",
        help=f"sections, separated by commas (default {names})")  # fmt: skip
    add("--pictures", type=Path, nargs="+", default=(), metavar="FILE", help="instead of the usual")
    add("--seconds", type=float, default=40.0, help="of training for each in sharp (default 40)")
    add("--limit", type=float, default=600.0, help="seconds to give up a peer after (default 600)")
    add("--threads", type=int, default=usable_cores(), help="default: all cores")
    add("--search", type=float, nargs="?", const=20.0, metavar="SECONDS",
        help="look for the peers' best settings first, so long for each (default 20)")  # fmt: skip
    add("--time-limit", metavar="TIME", help="of the large picture, as fit-image takes it")
    add("--journal", type=Path, metavar="FILE", help="keep what is measured, and go on with it")


def _sections(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in SECTIONS:
            raise argparse.ArgumentTypeError(f"{name!r} is not one of {', '.join(SECTIONS)}")
    return names


def measure_quality(arguments: argparse.Namespace, machine: dict[str, Any]) -> dict[str, Any]:
    """Measure the sections asked for; return them by name, with the peers' recipes."""
    threads = arguments.threads
    torch.set_num_threads(threads)
    chosen = pictures(arguments.pictures)
    journal = Journal(arguments.journal, machine)
    trials = []
    if arguments.search:
        trials = peers.search(choose(chosen, SPEED_PICTURE), arguments.search, threads, journal)
    recipes = peers.RECIPES | peers.winners(trials)
    limit = ("--time-limit", arguments.time_limit) if arguments.time_limit else ()
    options = ("--threads", str(threads), *limit)
    settings = Settings(
        chosen, recipes, threads, arguments.seconds, arguments.limit, options, journal
    )
    report: dict[str, Any] = {
        "threads": threads,
        "seconds": settings.seconds,
        "recipes": {name: asdict(recipe) for name, recipe in recipes.items()},
        "search": [asdict(trial) for trial in trials],
    }
    return report | {name: SECTIONS[name](settings) for name in arguments.only}


def _finite(seconds: float) -> float | None:
    return seconds if math.isfinite(seconds) else None
