"""Runs that tests write row by row, as a training does."""

from __future__ import annotations

import numpy as np

from fit_image.apps.fit.directory import FitDirectory
from fit_image.apps.fit.manifest import FitManifest, Picture
from fit_image.apps.fit.metrics import FitMetrics
from fit_image.config.fit import FitConfig, ImageConfig, RecordConfig
from fit_image.images.io import save_image
from fit_image.live.board import Board
from fit_image.live.facts import make_reel


def make_run(path, epochs=9, layers="2x8", name="cat.png", **image):
    """Return the directory of a run whose untrained network is drawn."""
    picture = Picture(f"/{name}", "0" * 64, 24, 16)
    fit, image = FitConfig(layers=layers, epochs=epochs), ImageConfig(**image)
    run = FitDirectory(path, FitManifest(picture, fit, image, RecordConfig()))
    run.create()
    save_image(run.target, frame(100))
    run.write_frame(0, frame(0))
    return run


def frame(level):
    return np.full((16, 24, 3), level % 256, dtype=np.uint8)


def write_epoch(run, epoch, psnr=20.0, seconds=None, loss=0.1):
    """Write an epoch as a recorder does: first the frame, then the row."""
    if psnr is not None:
        run.write_frame(epoch, frame(epoch))
    run.metrics.append(FitMetrics(epoch, loss, psnr, float(epoch) if seconds is None else seconds))


def make_board(*reels, title="cat.png", state="learning"):
    board = Board({"kicker": "fit-image", "title": title})
    for reel in reels:
        board.put(reel)
    board.tell(state=state)
    return board


def reel_of(run, key="run", label="", series=0):
    return make_reel(run, 384, key, label, series)
