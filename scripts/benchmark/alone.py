"""Measurements without a peer: large pictures, sweeps, an epoch of pictures, restoration."""

from __future__ import annotations

import io
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmark.ceilings import Ceilings
from benchmark.pixels import our_network
from fit_image import FitConfig, FitImageError, Trainer, parse_layers
from fit_image.apps.autoencode.config import AutoencodeConfig
from fit_image.apps.autoencode.trainer import AutoencoderTrainer
from fit_image.apps.fit.warm_up import warm_up
from fit_image.apps.sweep.execution.executor import Ended
from fit_image.apps.sweep.execution.local import LocalExecutor
from fit_image.apps.sweep.plan.plan import SweepSpec, plan_trials
from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
from fit_image.apps.unjpeg.model import Restorer
from fit_image.apps.unjpeg.network import init_weights, make_network
from fit_image.apps.unjpeg.patches.extractor import PatchExtractor
from fit_image.apps.unjpeg.residual.model import ResidualNetwork
from fit_image.apps.unjpeg.restoration import Restoration
from fit_image.config.fit import RecordConfig
from fit_image.images.formats.jpeg import Compression, decompress
from fit_image.images.formats.jpeg_planes import read_planes
from fit_image.nn.runtime.machine import usable_cores
from fit_image.storage.npz import Arrays


def draw_large(ceilings: Ceilings, side: int = 4096) -> dict[str, float]:
    """Draw a picture of 4096 x 4096 in bands; return the time, and the share of the ceiling."""
    print(f"4x300: drawing {side} x {side}", file=sys.stderr)
    network = our_network("4x300")
    rates, seconds = [ceilings.matrix_product()], 0.0
    began = time.perf_counter()
    for top, _ in network.render_strips(side, side):
        seconds += time.perf_counter() - began
        if top % 256 == 0:
            rates.append(ceilings.matrix_product())
        began = time.perf_counter()
    work = 2 * network.num_params * side**2
    share = work / seconds / statistics.median(rates)
    return {"side": side, "seconds": seconds, "us": seconds / side**2 * 1e6, "share": share}


def measure_growth(layers: str, turns: int) -> dict[str, Any]:
    """Measure microseconds a pixel of pictures from 0.1 to 25 megapixels.

    In every turn each whole picture is put in order, and as many pixels as fit in the time are
    learned: a random sample, which stands for the rest of the epoch. ``differences`` are from the
    median of the pictures in the same turn; ``us`` are the median over all with these differences.
    """
    rng = np.random.default_rng(0)
    config = FitConfig(layers=parse_layers(layers))
    warm_up(config)
    trainers = []
    for pixels in (100_000, 1_000_000, 5_000_000, 25_000_000):
        side = round(pixels**0.5)
        trainers.append(Trainer(rng.integers(0, 256, (side, side, 3), dtype=np.uint8), config))
    starts = [(trainer, trainer.state_dict()) for trainer in trainers]
    times = np.array([[_epoch_us(*each) for each in starts] for _ in range(turns)])
    differences = np.median(times / np.median(times, axis=1, keepdims=True), axis=0) - 1
    return {
        "layers": layers,
        "pixels": [trainer.epoch_size for trainer in trainers],
        "us": (np.median(times) * (1 + differences)).tolist(),
        "differences": differences.tolist(),
        "spread": float(np.abs(differences).max()),
    }


def _epoch_us(trainer: Trainer, start: Arrays) -> float:
    trainer.load_state_dict(start)
    began = time.perf_counter()
    trainer.train(seconds=0.0)  # puts the pixels in order, no more
    ordered = time.perf_counter()
    trainer.train(seconds=0.3)
    learned = (time.perf_counter() - ordered) / trainer.progress.position
    return float((ordered - began) / trainer.epoch_size + learned) * 1e6


def measure_sweep(layers: str, turns: int) -> dict[str, float]:
    """Return pixels learned a second by one worker and by one a core, in turns, and their ratio.

    Everything counts that a sweep does, from the start of the workers to the last file.
    """
    print("a sweep", file=sys.stderr)
    rates: dict[int, list[float]] = {1: [], (cores := usable_cores()): []}
    for jobs in list(rates) * turns:
        rates[jobs].append(_swept_pixels(layers, jobs, 2 * cores))
    ratios = [several / one for one, several in zip(rates[1], rates[cores], strict=True)]
    one, every = (statistics.median(rates[jobs]) for jobs in (1, cores))
    return {"workers": cores, "one": one, "all": every, "ratio": statistics.median(ratios)}


def _swept_pixels(layers: str, jobs: int, seeds: int) -> float:
    with tempfile.TemporaryDirectory() as name:
        picture = Path(name) / "noise.png"
        Image.effect_noise((128, 128), 60).convert("RGB").save(picture)
        axes: dict[str, Any] = {"layers": [parse_layers(layers)], "epochs": [12]}
        grid = axes | {"seed": range(seeds)}
        trials = plan_trials(SweepSpec((picture,), (grid,), RecordConfig(animations=())))
        folder = SweepDirectory(Path(name) / "sweep", trials)
        folder.write()
        began = time.perf_counter()
        with LocalExecutor(folder, jobs) as workers:
            for event in workers.events(trials):
                if isinstance(event, Ended) and event.status != "done":
                    raise FitImageError(f"a trial has {event}")
        return sum(trial.samples for trial in trials) / (time.perf_counter() - began)


def epoch_of_pictures() -> float:
    """Return the seconds of an epoch of a convolutional auto-encoder, validation included."""
    print("pictures: an epoch, and pictures restored", file=sys.stderr)
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (11_000, 32, 32, 3), dtype=np.uint8)
    trainer = AutoencoderTrainer(pictures[:10_000], pictures[10_000:], AutoencodeConfig(conv=True))
    trainer.warm_up()
    began = time.perf_counter()
    while not trainer.epoch_is_over:
        trainer.train_step()
    trainer.end_epoch()
    return time.perf_counter() - began


def restore_pictures() -> dict[str, float]:
    """Return the seconds of restoring a picture without a flat patch."""
    chain = make_network(24, (2047,) * 4)
    init_weights(chain, np.random.default_rng(0), difference=False)
    untrained = Restorer(PatchExtractor(24, 0.5, 0.3), chain, True, "85")
    return {"shipped": _restore(ResidualNetwork.shipped()), "4x2047": _restore(untrained)}


def _restore(network: ResidualNetwork | Restorer) -> float:
    picture = np.random.default_rng(0).integers(0, 256, (800, 1280, 3), dtype=np.uint8)
    data, restoration = Compression().encode(picture), Restoration(network)
    damaged, planes = decompress(data), read_planes(io.BytesIO(data))
    restoration.restore(damaged[:64], None)
    began = time.perf_counter()
    restoration.restore(damaged, planes)
    return time.perf_counter() - began
