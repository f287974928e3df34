"""The page of one training."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from fit_image.apps.fit.architecture import make_encoding, make_layers
from fit_image.apps.fit.directory import FitDirectory
from fit_image.apps.painting_network import PaintingNetwork
from fit_image.config.registry import CHANNELS
from fit_image.errors import FitImageError
from fit_image.live.board import Board
from fit_image.live.facts import make_reel
from fit_image.runs.manifest import Result
from fit_image.runs.observer import News, Observer, Training
from fit_image.storage.npz import Arrays

_KEY = "run"


class RunPage(Observer):
    """Shows a training on a board."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._training: Training | None = None

    def begin(self, training: Training) -> None:
        self._training = training
        reel = make_reel(training.directory, training.epoch_size, _KEY)
        if isinstance(training.directory, FitDirectory):
            reel.network = partial(_newest_network, training.directory, training.snapshot)
        self._board.put(reel)
        self._board.tell(state="learning")
        self._board.when_asked_to_stop(training.stop)

    def advance(self, news: News) -> None:
        assert self._training is not None
        status = news.status
        share = self._training.directory.manifest.share_done(status)
        self._board.tell_of(
            _KEY,
            state="learning",
            epochs=status.epochs,
            seconds=status.seconds,
            share=share,
            stalled=status.stalled,
        )
        self._board.tell(share=share)

    def end(self, result: Result | None) -> None:
        self._board.when_asked_to_stop(None)
        reel = self._board.reel(_KEY)
        if reel:
            reel.network = None  # frees the trainer; from now on the model file is the newest
        state = result.status if result else "failed"
        self._board.tell_of(_KEY, state=state)
        self._board.tell(state=state)


def _newest_network(
    directory: FitDirectory, snapshot: Callable[[], Arrays | None]
) -> PaintingNetwork:
    """Return the network of a trainer's last good state, a copy."""
    arrays = snapshot()
    if arrays is None:
        raise FitImageError("there is nothing to draw yet")
    manifest = directory.manifest
    size = manifest.picture.width, manifest.picture.height
    config = manifest.fit.for_picture(*size)
    encoding = make_encoding(config, size)
    layers = make_layers(config, encoding.outputs, CHANNELS[manifest.image.channels])
    network = PaintingNetwork(layers, size, encoding)
    network.parameters[:] = arrays["parameters"]
    return network
