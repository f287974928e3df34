"""What a second worker is worth: trials of a sweep one at a time, and one a core."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from PIL import Image

from fit_image.apps.sweep.folder import SweepFolder
from fit_image.apps.sweep.local import Local
from fit_image.apps.sweep.plan import Question, plan_trials
from fit_image.config import RecordConfig
from fit_image.errors import FitImageError
from fit_image.nn.runtime.machine import usable_cores
from fit_image.notation import parse_layers

_SIDE = 128
_EPOCHS = 12


def sweep_throughput(layers: str, turns: int) -> dict[str, float]:
    """Return pixels learned a second by one worker and by one a core, and their ratio.

    Per-pixel SGD; everything counts that a sweep does, from the start of the workers to the last
    file. The two are measured in turns.
    """
    cores = usable_cores()
    rates: dict[int, list[float]] = {1: [], cores: []}
    for _ in range(turns):
        for jobs in rates:
            rates[jobs].append(_pixels_a_second(layers, jobs, 2 * cores))
    one, all_cores = (statistics.median(rates[jobs]) for jobs in (1, cores))
    ratio = statistics.median(
        several / single for single, several in zip(rates[1], rates[cores], strict=True)
    )
    return {"workers": cores, "one": one, "all": all_cores, "ratio": ratio}


def _pixels_a_second(layers: str, jobs: int, seeds: int) -> float:
    with tempfile.TemporaryDirectory() as name:
        picture = Path(name) / "noise.png"
        Image.effect_noise((_SIDE, _SIDE), 60).convert("RGB").save(picture)
        axes = {"layers": [parse_layers(layers)], "epochs": [_EPOCHS], "seed": range(seeds)}
        trials = plan_trials(Question((picture,), (axes,), RecordConfig(animations=())))
        folder = SweepFolder(Path(name) / "sweep", trials)
        folder.write()
        began = time.perf_counter()
        with Local(folder, trials, jobs) as workers:
            for event in workers.events():
                if getattr(event, "status", "done") != "done":
                    raise FitImageError(f"a trial has {event}")
        return sum(trial.samples for trial in trials) / (time.perf_counter() - began)
