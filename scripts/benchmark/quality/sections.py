"""The sections of ``--quality``: peer and ours train side by side in one process."""

from __future__ import annotations

import argparse
import math
import os
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy.typing as npt
import torch

from benchmark.quality import peers
from benchmark.quality.curves import Curve, Journal, Point, filling, in_turns, train_ours
from fit_image import FitConfig, parse_layers
from fit_image.config.presets import preset_config
from fit_image.images.io import load_image
from fit_image.nn.runtime.machine import usable_cores
from fit_image.storage.dataclass_json import to_json

_DATA = Path(os.environ.get("FIT_IMAGE_DATA", Path(__file__).resolve().parents[4] / "shared/data"))
_NAMES = ("monalisa.jpg", *(f"kodak/kodim{number:02}.png" for number in (3, 5, 15, 19, 20, 23)))
"""The painting of the original experiment, and six of the photographs that Kodak released.

The repository holds none of them.
"""

MARKS: dict[str, dict[int, float | None]] = {
    "monalisa": {3: 36.0, 10: 40.0},
    "kodim15": {6: 35.0, 15: None, 25: 38.0},
}
"""Seconds of training after which a picture's PSNR is told, with what it should be at least."""
KODAK, KODAK_SECONDS, KODAK_GOAL = "kodim", 15, 34.0
"""Names of the photographs begin so; their mean PSNR after so long should be at least that."""

SPEED_PICTURE, SPEED_GOAL_DB = "kodim15", 30.0
# Lengths of the tuned peer's runs, as shares of the longest. The rate falls to zero in each, so
# that the shortest one that gets there at all tells how fast the peer can be.
_SHARES = tuple(1.4**-power for power in reversed(range(8)))
_LOOK_EVERY = 0.5  # seconds, at least: a step of the published peer takes as long again

GRID_PICTURE, GRID_SECONDS = "monalisa", 8.0
GRID = FitConfig(
    encoding="grid:levels=8,features=2,entries=65536",
    layers=parse_layers("2x64"),
    optimizer="adam",
    learning_rate=0.01,
    batch_size=4096,
)
OURS, SHARP, COMPACT = "instant", "sharp", "compact"

BUDGETS = ((7_479, 60.0, 26.4), (29_697, 120.0, 30.7), (72_000, 30.0, 32.1), (300_000, 60.0, 43.0))
"""Parameters, seconds of training, and the mean PSNR of the photographs that should be reached."""

Runs = Mapping[str, Iterator[Point]]


@dataclass(frozen=True)
class Picture:
    """A picture, loaded when first asked for."""

    path: Path

    @property
    def name(self) -> str:
        """The file's name without its suffix."""
        return self.path.stem

    @cached_property
    def levels(self) -> npt.NDArray[Any]:
        """The whole picture, as `fit_image.Trainer` takes it."""
        return load_image(self.path).levels

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.levels.shape[1], self.levels.shape[0]


def pictures(files: Sequence[Path]) -> list[Picture]:
    """Return these pictures; if there are none, those of the data folder."""
    paths = list(files) or [_DATA / name for name in _NAMES]
    for path in paths:
        if not path.is_file():
            raise SystemExit(f"no file {path}: give --pictures, or FIT_IMAGE_DATA, their folder")
    return [Picture(path) for path in paths]


def choose(candidates: Sequence[Picture], name: str) -> Picture:
    """Return the picture of this name, or the first one where it is not among them."""
    return next((picture for picture in candidates if picture.name == name), candidates[0])


class Quality:
    """Measures the sections, each a method, as the options say."""

    def __init__(self, options: argparse.Namespace, machine: dict[str, Any]) -> None:
        self.options, self.threads = options, options.threads
        torch.set_num_threads(self.threads)
        self.pictures = pictures(options.pictures)
        self.journal = Journal(options.journal, machine)

    def report(self) -> dict[str, Any]:
        """Measure the sections asked for; return them by name, with the peers' recipes."""
        report: dict[str, Any] = {
            "threads": self.threads,
            "seconds": self.options.seconds,
            "recipes": {name: asdict(recipe) for name, recipe in peers.RECIPES.items()},
        }
        return report | {name: getattr(self, name)() for name in self.options.only}

    def instant(self) -> dict[str, Any]:
        """Train the preset ``instant`` on every picture as it comes, and draw after every epoch."""
        rows, photographs = [], []
        for picture in self.pictures:
            marks = MARKS.get(picture.name, {KODAK_SECONDS: None})
            curve = self._alone("instant", picture, preset_config(OURS, *picture.size), max(marks))
            found = [
                {"seconds": mark, "psnr": curve.psnr_at(mark), "goal": goal}
                for mark, goal in marks.items()
            ]
            if picture.name.startswith(KODAK):
                photographs.append(curve.psnr_at(KODAK_SECONDS))
            row = {"picture": picture.name, "us": curve.us_a_pixel, "marks": found}
            rows.append(row | {"curve": curve})
        mean = statistics.fmean(photographs) if photographs else None
        return {"pictures": rows, "kodak_mean": mean, "kodak_goal": KODAK_GOAL}

    def speed(self) -> dict[str, Any]:
        """Measure the time to a PSNR: ours anew beside each run of a peer."""
        picture = choose(self.pictures, SPEED_PICTURE)
        mine: list[float] = []
        rows: list[dict[str, Any]] = []
        for name, shares in (
            (peers.PUBLISHED_SIREN, (1.0,)),
            (peers.BEST_SIREN, _SHARES),
            (peers.PATIENT_SIREN, _SHARES),
        ):
            for share in shares:
                curves = self._beside(picture, name, share * self.options.limit)
                mine.append(curves[OURS].seconds_to(SPEED_GOAL_DB))
                reached = curves[name].seconds_to(SPEED_GOAL_DB)
                if reached < math.inf:
                    break
            psnr = max(point.psnr for point in curves[name])
            rows.append(
                {"peer": name, "seconds": reached if reached < math.inf else None, "psnr": psnr}
            )
        seconds = statistics.median(mine)
        for row in rows:
            row["ratio"] = (row["seconds"] or self.options.limit) / seconds
        report = {"picture": picture.name, "goal": SPEED_GOAL_DB, "limit": self.options.limit}
        return report | {"seconds": seconds if seconds < math.inf else None, "peers": rows}

    def grid(self) -> dict[str, Any]:
        """Measure how long the learned grid takes for a pixel."""
        picture = choose(self.pictures, GRID_PICTURE)
        curve = self._alone("grid", picture, GRID, GRID_SECONDS)
        seconds, psnr, _ = curve[-1]
        return {"picture": picture.name, "us": curve.us_a_pixel, "seconds": seconds, "psnr": psnr}

    def sharp(self) -> list[dict[str, Any]]:
        """Train the preset ``sharp`` and the tuned peers on every picture for the same time."""
        recipes = {name: peers.RECIPES[name] for name in (peers.BEST_SIREN, peers.BEST_FOURIER)}
        known = {name: asdict(recipe) for name, recipe in recipes.items()}
        seconds, rows = self.options.seconds, []
        for picture in self.pictures:
            config = preset_config(SHARP, *picture.size)
            runs = partial(self._sharp_runs, picture, config, recipes)
            curves = self._curves("sharp", picture, config, runs, peers=known, seconds=seconds)
            psnrs = {name: curve.psnr_at(seconds) for name, curve in curves.items()}
            lead = psnrs[SHARP] - max(psnr for name, psnr in psnrs.items() if name != SHARP)
            rows.append({"picture": picture.name, "psnrs": psnrs, "lead": lead, "curves": curves})
        return rows

    def compact(self) -> list[dict[str, Any]]:
        """Train the preset ``compact`` with so many parameters for so long on every picture."""
        rows = []
        for numbers, seconds, goal in BUDGETS:
            psnrs = {}
            for picture in self.pictures:
                if not picture.name.startswith(KODAK):
                    continue
                config = preset_config(
                    COMPACT, *picture.size, max_parameters=numbers, time_limit=seconds
                )
                curve = self._alone(f"compact, {numbers}", picture, config, seconds)
                psnrs[picture.name] = curve[-1].psnr
            mean = statistics.fmean(psnrs.values()) if psnrs else None
            budget = {"parameters": numbers, "seconds": seconds, "goal": goal}
            rows.append({**budget, "mean": mean, "psnrs": psnrs})
        return rows

    def _sharp_runs(
        self, picture: Picture, config: FitConfig, recipes: Mapping[str, peers.Recipe]
    ) -> Runs:
        seconds, levels = self.options.seconds, picture.levels
        config = filling(levels, config, self.threads, seconds)
        runs = {SHARP: train_ours(levels, config, self.threads, seconds)}
        for name, recipe in recipes.items():
            runs[name] = peers.train(levels, recipe, seconds, every=seconds / 8)
        return runs

    def _beside(self, picture: Picture, name: str, seconds: float) -> dict[str, Curve]:
        """Train ours and a peer until they reach the PSNR."""
        recipe, config = peers.RECIPES[name], preset_config(OURS, *picture.size)

        def runs() -> Runs:
            every = max(seconds / 100, _LOOK_EVERY)
            mine = train_ours(picture.levels, config, self.threads)
            return {OURS: mine, name: peers.train(picture.levels, recipe, seconds, every)}

        known = {"peer": asdict(recipe), "seconds": seconds}
        return self._curves("speed", picture, config, runs, SPEED_GOAL_DB, **known)

    def _alone(self, section: str, picture: Picture, config: FitConfig, seconds: float) -> Curve:
        def runs() -> Runs:
            return {OURS: train_ours(picture.levels, config, self.threads, seconds)}

        return self._curves(section, picture, config, runs, seconds=seconds)[OURS]

    def _curves(
        self,
        section: str,
        picture: Picture,
        config: FitConfig,
        runs: Callable[[], Runs],
        until: float = math.inf,
        **conditions: Any,
    ) -> dict[str, Curve]:
        """Train side by side, or take from the journal; say what is under way."""
        print(f"{section}: {picture.name}", file=sys.stderr)
        known = {"section": section, "picture": picture.name, "config": to_json(config)}
        known |= {"threads": self.threads} | conditions
        found = self.journal.get(known, lambda: in_turns(runs(), until))
        return {name: Curve(Point(*each) for each in points) for name, points in found.items()}


SECTIONS = ("instant", "speed", "grid", "sharp", "compact")
"""Choices of `--only`: methods of `Quality`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that belong to ``--quality``."""
    add = parser.add_argument_group("with --quality").add_argument
    add("--only", type=_sections, default=list(SECTIONS), metavar="NAMES",
        help=f"sections, separated by commas (default {','.join(SECTIONS)})")  # fmt: skip
    add("--pictures", type=Path, nargs="+", default=(), metavar="FILE", help="instead of the usual")
    add("--seconds", type=float, default=40.0, help="of training for each in sharp (default 40)")
    add("--limit", type=float, default=600.0, help="seconds to give up a peer after (default 600)")
    add("--threads", type=int, default=usable_cores(), help="default: all cores")
    add("--journal", type=Path, metavar="FILE", help="keep what is measured, and go on with it")


def _sections(text: str) -> list[str]:
    if unknown := set(text.split(",")) - set(SECTIONS):
        raise argparse.ArgumentTypeError(f"{unknown} are not among {', '.join(SECTIONS)}")
    return text.split(",")
