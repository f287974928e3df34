"""Components of every kind together: each combination stops, resumes and threads to the same bits.

The combinations are drawn, not chosen: every component is in one of them, beside strangers.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from test_fit import optimizer_state

from fit_image.apps.fit.trainer import FitTrainer
from fit_image.config.fit import FitConfig
from fit_image.config.layer_spec import parse_layers
from fit_image.config.registry import (
    ACTIVATIONS,
    CHANNELS,
    LOSSES,
    OPTIMIZERS,
    OUTPUT_ACTIVATIONS,
    SAMPLINGS,
    SCHEDULES,
)
from fit_image.nn.runtime import machine
from fit_image.nn.training import fused

TABLES = {
    "activation": ACTIVATIONS,
    "encoding": ("none", "positional:3", "fourier:5@2", "grid", "grid:levels=3,entries=2^4,axes=9"),
    "optimizer": OPTIMIZERS,
    "loss": LOSSES,
    "lr_schedule": SCHEDULES,
    "sampling": SAMPLINGS,
    "output_activation": OUTPUT_ACTIVATIONS,
    "batch_size": (1, 7, 1000),
    "channels": CHANNELS,
    "size": ((13, 11), (1, 90), (80, 1), (13, 11), (1, 1)),
}


def combinations():
    """Return as many as make everything appear: each table over and over, in an order drawn."""
    # A seed for which a grid meets a batch in pieces, and waves plain descent pixel by pixel.
    rng = np.random.default_rng(217)
    count = max(len(table) for table in TABLES.values())
    columns = []
    for table in TABLES.values():
        column = list(itertools.islice(itertools.cycle(table), count))
        columns.append([column[place] for place in rng.permutation(count)])
    return [dict(zip(TABLES, row, strict=True)) for row in zip(*columns, strict=True)]


COMBINATIONS = combinations()
NAMES = ["-".join(map(str, options.values())) for options in COMBINATIONS]


@pytest.fixture(autouse=True)
def _scarce(monkeypatch):
    """Take batches of more than 64 in pieces, and have three cores."""
    monkeypatch.setattr(fused, "MAX_WORK", 1)
    monkeypatch.setattr(machine, "usable_cores", lambda: 3)


def begin(options, threads):
    options = dict(options)
    (width, height), channels = options.pop("size"), CHANNELS[options.pop("channels")]
    shape = (height, width, channels)
    picture = np.random.default_rng(5).integers(0, 256, shape, dtype=np.uint8)
    # Wide enough for a second block of rows, so that a second thread has something to do.
    layers = parse_layers("200,9:tanh,residual:2x2x9")
    config = FitConfig(layers=layers, epochs=3, warmup=0.5, learning_rate=0.003, **options)
    return FitTrainer(picture, config, threads=threads)


def resumed(trainer):
    other = FitTrainer(trainer.image, trainer.config, threads=2)
    other.resume_from(trainer.checkpoint())
    return other


def finish(trainer, *, stop=False):
    """Learn all epochs; if asked to, stop after every few pixels, and go on from what is saved."""
    losses = []
    while trainer.ended is None:
        if stop:
            trainer.learning.chunk = 5
        if trainer.train(seconds=1e-9 if stop else 1.0):
            losses.append(trainer.loss)
            trainer.finish_epoch()
        if stop and not trainer.pending:
            trainer = resumed(trainer)
    memory = {name: array.tobytes() for name, array in optimizer_state(trainer).items()}
    return losses, trainer.network.parameters.tobytes(), memory


@pytest.mark.parametrize("options", COMBINATIONS, ids=NAMES)
def test_stops_and_threads_change_no_bit(options):
    trainer = begin(options, threads=1)
    expected = finish(trainer)
    assert np.isfinite(expected[0]).all()
    assert finish(begin(options, threads=1), stop=True) == expected
    assert finish(begin(options, threads=3)) == expected

    outside = trainer.network.render(9, 8, region=(-1.5, 3.0, 2.5, -2.0))
    assert np.isfinite(outside).all()


@pytest.mark.parametrize("options", COMBINATIONS, ids=NAMES)
def test_returning_to_the_good_state_undoes_everything(options):
    """Also what a step that was not taken yet has left in the gradients of tables."""
    expected = finish(begin(options, threads=1))
    trainer = begin(options, threads=1)
    trainer.learning.chunk = 5
    trainer.train(seconds=1e-9)
    trainer.load_state_dict(trainer.snapshot)
    assert finish(trainer) == expected
