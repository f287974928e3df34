"""Noticing that a network learns nothing, and saying which options help. Nothing is stopped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.apps.fit.drawing import Drawing
from fit_image.apps.fit.metrics import FitMetrics
from fit_image.apps.hidden_layers import layer_answers
from fit_image.apps.painting_network import PaintingNetwork
from fit_image.apps.pixels.hold_out import HeldOut
from fit_image.config.fit import FitConfig
from fit_image.config.layer_spec import parse_init
from fit_image.images.colours import to_float
from fit_image.nn.initializers import rules
from fit_image.nn.runtime.arrays import FloatArray

PATIENCE = 5
"""Epochs after which something should have been learned."""

# Of small pictures, an epoch is a few steps: what has not begun to fall then may fall yet.
_STEPS = 100

_CLOSE_DB = 0.01

# So much below it, a picture whose loss does not fall is the average colour, but for noise.
_NOISE_DB = 0.5

# An average colour as good as this is the picture, for all that anybody sees.
_INVISIBLE_DB = 40.0

# What is gained afterwards by a network that has only been slow to begin.
_GAIN_DB = 0.5

# A loss that is to go down by orders of magnitude, and is still so much of the first epoch's.
_STILL = 0.9

# Of very many weights, some are so small that any step changes them.
_UNCHANGED = 0.999

_DEEP = 8

_FAR = 10.0  # between rates

_CHUNK = 1 << 16


class StallWatch:
    """Looks whether a training learns, at the pictures that are drawn anyway.

    Parameters
    ----------
    image : uint8, uint16 or float32 (height, width, channels)
    config : FitConfig
    held_out : HeldOut, optional
    threads : int, optional
        At most so many. Default: all cores.

    Attributes
    ----------
    reason : str or None
        Why nothing is learned, and which options help, in a line; None while something is. It is
        told once: a network that begins to learn has none any more, and gets no second one.
    """

    def __init__(
        self,
        image: npt.NDArray[Any],
        config: FitConfig,
        held_out: HeldOut | None = None,
        threads: int | None = None,
    ) -> None:
        self.reason: str | None = None
        self._image, self._config, self._held_out = image, config, held_out
        self._threads = threads
        self._average: float | None = None
        self._told: float | None = None
        self._psnr = -math.inf
        self._drawn = False
        self._first_loss = self._least_loss = math.inf

    def take_history(self, rows: Sequence[FitMetrics]) -> None:
        """Take in the epochs recorded so far."""
        self._first_loss = self._least_loss = math.inf
        for row in rows:
            self.end_epoch(row.epoch, row.loss)
        drawn = [row.psnr for row in rows if row.psnr is not None]
        self._drawn, self._psnr = bool(drawn), drawn[-1] if drawn else -math.inf
        if self.reason is not None:
            self._told = self._psnr

    def end_epoch(self, epoch: int, loss: float) -> None:
        """Take in the loss of a complete epoch."""
        if epoch == 1:
            self._first_loss = loss
        else:
            self._least_loss = min(loss, self._least_loss)

    def judge(
        self,
        epoch: int,
        steps: int,
        loss: float,
        drawing: Drawing,
        network: PaintingNetwork,
        before: FloatArray | None,
    ) -> None:
        """Take in the picture after an epoch, before `end_epoch`.

        Parameters
        ----------
        epoch, steps : int
            Its number, and the steps so far.
        loss : float
        drawing : Drawing
            Complete.
        network : PaintingNetwork
            The network that has drawn it.
        before : float32 (parameters,), or None
            Parameters when the picture before was drawn, if they are known.
        """
        psnr, self._psnr = self._psnr, drawing.psnr
        drawn, self._drawn = self._drawn, True
        if self._told is not None:
            if drawing.psnr > self._told + _GAIN_DB:
                self.reason = None
            return
        problem = None if before is None else self._unchanged(epoch, network, before)
        if problem is None and epoch >= PATIENCE:
            level = _level(drawing.psnr, self.average_psnr)
            stands = level == 0 and (not drawn or _level(psnr, self.average_psnr) == 0)
            if stands:
                problem = self._average_colour(epoch, network)
            elif steps >= _STEPS and drawing.psnr < _INVISIBLE_DB:
                problem = self._level_loss(epoch, loss, worse=level <= 0)
                if problem and level <= 0 and drawing.psnr > self.average_psnr - _NOISE_DB:
                    problem = self._average_colour(epoch, network)
        if problem is not None:
            self.reason, self._told = problem, drawing.psnr

    @property
    def average_psnr(self) -> float:
        """PSNR in dB of the picture's average colour, of the pixels that are shown."""
        if self._average is None:
            self._average = _average_psnr(self._image, self._held_out)
        return self._average

    def _unchanged(self, epoch: int, network: PaintingNetwork, before: FloatArray) -> str | None:
        """Return the problem of a rate so small that weights stay as they are."""
        config = self._config
        if not config.warmup < epoch <= PATIENCE + config.warmup:
            return None
        if config.learning_rate >= (usual := usual_rate(config)):
            return None
        pairs = list(zip(network.rows(), network.rows(before), strict=True))
        same = sum(int((now == then).sum()) for now, then in pairs)
        if same < _UNCHANGED * sum(now.size for now, _ in pairs):
            return None
        return (
            f"nothing is learned: the steps of --lr {config.learning_rate:g} are lost where "
            f"float32 rounds the weights; --lr {usual:g} is the usual rate"
        )

    def _average_colour(self, epoch: int, network: PaintingNetwork) -> str | None:
        if self.average_psnr > _INVISIBLE_DB:
            return None
        dead = next(
            (each for each in layer_answers(network, self._threads) if each.silent.all()), None
        )
        what = f"nothing is learned but the average colour ({self.average_psnr:.2f} dB)"
        where = f"after {epoch} epochs"
        if dead is None:
            return f"{what} {where}; {self._advice()}"
        count = len(dead.silent)
        units = f"all {count} units" if count > 1 else "the only unit"
        return f"{what} {where}: {units} of layer {dead.number} died; {self._advice(dead=True)}"

    def _level_loss(self, epoch: int, loss: float, *, worse: bool) -> str | None:
        """Return the problem of a loss that does not fall.

        ``worse`` says whether the picture is no better than its average colour: then a little less
        is not learning yet.
        """
        first = self._first_loss
        falls = min(self._least_loss, loss) < first
        if falls and not (worse and loss >= _STILL * first):
            return None
        verb = "hardly falls" if loss < first else "does not fall"
        return (
            f"the loss {verb}: {loss:.3g} in epoch {epoch}, {first:.3g} in the first one; "
            f"{self._advice()}"
        )

    def _advice(self, *, dead: bool = False) -> str:
        """Return the options that may help, the likeliest first."""
        config, usual = self._config, usual_rate(self._config)
        rate = config.learning_rate
        if rate < usual / _FAR and not dead:
            parts = [f"a higher --lr, such as {usual:.3g}"]
        else:
            parts = [f"a lower --lr, such as {usual if rate > usual else rate / _FAR:.1g}"]
        if dead and "relu" in config.activations:
            parts.append("--activation leaky-relu")
        deep = len(config.layers) >= _DEEP and not any(layer.skip for layer in config.layers)
        if deep:
            parts.append("fewer or residual --layers")
        if deep and "classic" in rules(config.activations, parse_init(config.init)[0]):
            parts.append(f"a larger --init-scale than {config.init_scale:g}, or --init he")
        if config.encoding == "none" and not deep:
            parts.append("an --encoding")
        return f"what may help: {', '.join(parts)}"


def usual_rate(config: FitConfig) -> float:
    """Return the learning rate that a configuration has where none is given."""
    return replace(config, learning_rate=None).learning_rate  # type: ignore[arg-type]


def _level(psnr: float, average: float) -> int:
    """Return -1, 0 or 1: whether a PSNR is below that of the average colour, at it, or above."""
    return int(psnr > average + _CLOSE_DB) - int(psnr < average - _CLOSE_DB)


def _average_psnr(image: npt.NDArray[Any], held_out: HeldOut | None) -> float:
    """Return the PSNR in dB of a picture's average colour; infinity if all pixels have it."""
    pixels = image.reshape(-1, image.shape[-1])
    shown = None if held_out is None else held_out.shown
    count = len(pixels) if shown is None else len(shown)
    sums, squares = np.zeros(image.shape[-1]), np.zeros(image.shape[-1])
    for start in range(0, count, _CHUNK):
        some = slice(start, start + _CHUNK)
        colours = to_float(pixels[some] if shown is None else pixels[shown[some]])
        wide = colours.astype(np.float64)
        sums += wide.sum(axis=0)
        squares += np.square(wide).sum(axis=0)
    variance = float((squares / count - np.square(sums / count)).mean())
    # A constant picture's is 0 but for rounding.
    return -10.0 * math.log10(variance) if variance > 1e-12 else math.inf
