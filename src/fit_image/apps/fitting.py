"""Teaching a network to paint one picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.apps.fit.epoch_loop import follow
from fit_image.apps.fit.picture_source import ImageLike, take_image
from fit_image.apps.fit.trainer import FitTrainer
from fit_image.apps.lr_finder.find_lr import find_lr
from fit_image.apps.painting_network import PaintingNetwork
from fit_image.config.fit import FitConfig
from fit_image.config.presets import preset_config
from fit_image.config.registry import AUTO_RATE
from fit_image.errors import InputError
from fit_image.images.showing import Shown, ShownInNotebooks
from fit_image.nn.runtime.threads import end_idle_threads
from fit_image.runs.trainer import EpochEnd


@dataclass(frozen=True)
class Epoch(ShownInNotebooks):
    """The state of learning after an epoch; in a notebook, the picture.

    Attributes
    ----------
    index : int
        Epochs completed; 0 is the untrained network. The last one may end inside, at
        ``time_limit``.
    loss : float
        Mean over the epoch's pixels of the loss, such as 1/2 sum_c (target_c - output_c)^2, each
        taken just before the network learned from that pixel; NaN for epoch 0.
    psnr : float or None
        Of ``picture`` before rounding, clipped to 0..1, against the target, in dB; None when the
        epoch was not drawn.
    seconds : float
        Training time so far, compiling and drawing left out.
    picture : uint8 (height, width, channels) or None
        What the network draws.
    network : PaintingNetwork
        The network itself: it goes on learning when the iteration goes on.
    unseen_psnr : float or None
        The same PSNR of the pixels that ``hold_out`` never shows; ``psnr`` is then of the others.
    stalled : str or None
        Why nothing is learned, and which options, named as on the command line, may help; None
        while something is.
    """

    index: int
    loss: float
    psnr: float | None
    seconds: float
    picture: npt.NDArray[np.uint8] | None
    network: PaintingNetwork
    unseen_psnr: float | None = None
    stalled: str | None = None

    def shown(self) -> Shown:
        """Return the picture and the line that a notebook shows."""
        facts = [f"epoch {self.index}"]
        if self.psnr is not None:
            facts.append(f"{self.psnr:.2f} dB")
        if self.unseen_psnr is not None:
            facts.append(f"{self.unseen_psnr:.2f} dB unseen")
        if self.index > 0:
            facts.append(f"loss {self.loss:.6f}")
        return Shown(self.picture, ", ".join([*facts, f"{self.seconds:.1f} s"]))


def fit(
    image: ImageLike,
    config: FitConfig | None = None,
    *,
    preset: str = "classic",
    frame_every: int = 1,
    threads: int | None = None,
    **options: Any,
) -> Iterator[Epoch]:
    """Teach a network to paint ``image``, and yield after every epoch.

    Parameters
    ----------
    image : array, Pillow image, or path as text
        An array (height, width, channels), or (height, width) for grey, of 1, 3 or 4 channels:
        uint8 in 0..255, uint16 in 0..65535, bool, other integers in 0..255, or floats in 0..1;
        or what `fit_image.load_image` returns. Files and Pillow images are loaded with its
        defaults.
    config : FitConfig, optional
    frame_every : int
        Draw the picture, and measure its PSNR, after every so many epochs; also at the first and
        the last.
    threads : int, optional
        At most so many; the default is the fastest number. Does not change the result.
    preset : str
        A key of `fit_image.config.presets.PRESETS`: defaults of the options that suit the picture.
    **options
        Fields of `FitConfig`, instead of ``config``; ``layers`` may be text such as ``4x300``, and
        ``learning_rate`` may be ``auto``: the suggestion of `fit_image.find_lr`.

    Yields
    ------
    Epoch
        First the untrained network as epoch 0, then one for each epoch. If the time is up before
        anything of an epoch is learned, and the one before was not drawn, it comes again, drawn.

    Raises
    ------
    InputError
        If the image or an option cannot be used.
    DivergenceError
        If the loss is not finite any more, or the picture collapses.
    """
    if config and (options or preset != "classic"):
        raise InputError("give a config, or a preset and fields of one, not both")
    if frame_every < 1:
        raise InputError(f"frame_every must be 1 or more, not {frame_every}")
    image = take_image(image)
    height, width = image.shape[:2]
    is_auto = options.get("learning_rate") == AUTO_RATE
    if is_auto:
        del options["learning_rate"]
    config = config or preset_config(preset, width, height, **options)
    if is_auto:
        rate = find_lr(image, config, threads=threads).suggestion
        config = replace(config, learning_rate=rate)
    return _epochs(FitTrainer(image, config, threads=threads), frame_every)


def _epochs(trainer: FitTrainer, frame_every: int) -> Iterator[Epoch]:
    trainer.warm_up()
    try:
        for end in follow(trainer, frame_every):
            if isinstance(end, EpochEnd):
                row, network = end.metrics, trainer.network
                yield Epoch(
                    *(end.epoch, row.loss, row.psnr, row.seconds, end.frame, network),
                    unseen_psnr=row.unseen_psnr,
                    stalled=trainer.stalled,
                )
    finally:
        end_idle_threads()
