"""The best rate, batch and frequency of the peers, found on one picture."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import product

from benchmark import peers
from benchmark.curve import trace
from benchmark.journal import Journal
from benchmark.pictures import Picture

RATES = (2e-4, 5e-4, 1e-3, 2e-3)
BATCHES = (1024, 4096, 16_384)
SCALES = (5.0, 10.0, 20.0)


@dataclass(frozen=True)
class Trial:
    """A recipe, and the PSNR it reached."""

    name: str
    recipe: peers.Recipe
    psnr: float


def candidates() -> Iterator[tuple[str, peers.Recipe]]:
    """Yield the recipes to try, under the name of the one they would replace."""
    siren = peers.RECIPES[peers.BEST_SIREN]
    for rate, batch in product(RATES, BATCHES):
        yield peers.BEST_SIREN, replace(siren, rate=rate, batch=batch)
    fourier = peers.RECIPES[peers.BEST_FOURIER]
    for scale, rate, batch in product(SCALES, RATES, BATCHES[:2]):
        yield peers.BEST_FOURIER, replace(fourier, frequency=scale, rate=rate, batch=batch)


def search(picture: Picture, seconds: float, threads: int, journal: Journal) -> list[Trial]:
    """Train each candidate for the same time, in which its rate falls to zero."""
    trials = []
    for name, recipe in candidates():
        print(f"search: {name}, {recipe}", file=sys.stderr)
        conditions = {
            "section": "search",
            "picture": picture.name,
            "recipe": asdict(recipe),
            "seconds": seconds,
            "threads": threads,
        }
        psnr = journal.get(
            conditions,
            lambda recipe=recipe: (
                trace(peers.train(picture.levels, recipe, seconds, seconds)).points[-1].psnr
            ),
        )
        trials.append(Trial(name, recipe, psnr))
    return trials


def winners(trials: list[Trial]) -> dict[str, peers.Recipe]:
    """Return the best recipe under each name."""
    best: dict[str, Trial] = {}
    for trial in trials:
        if trial.name not in best or trial.psnr > best[trial.name].psnr:
            best[trial.name] = trial
    return {name: trial.recipe for name, trial in best.items()}
