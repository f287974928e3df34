"""The table of jobs: what is measured beside PyTorch, a row each."""

from __future__ import annotations

from functools import partial

from benchmark import digits, large_digit, patches, pixels
from benchmark.timing import Job
from fit_image.apps.autoencode.config import AutoencodeConfig

_BATCHES = [*(("4x300", 4**power) for power in (3, 4, 5, 6)), ("8x64", 1024)]
PIXELS = [
    *(Job("SGD, batch 1", layers, "pixel", partial(pixels.descend, layers))
      for layers in ("4x300", "3x32", "2x1000")),
    *(Job(f"{name}, batch {batch}", layers, "pixel",
          partial(pixels.learn_batches, layers, batch, name))
      for layers, batch in _BATCHES for name in pixels.TORCH_OPTIMIZERS),
    *(Job("drawing", each, "pixel", partial(pixels.draw, each)) for each in ("4x300", "3x32")),
]  # fmt: skip

DIGITS = [
    Job("generator, forward", "digits", "batch", partial(digits.generator, backward=False)),
    Job(
        "generator, forward and backward",
        "digits",
        "batch",
        partial(digits.generator, backward=True),
    ),
    *(
        Job(f"convolution {number}: {name}", "digits", "batch", partial(digits.classifier, index))
        for number, (index, name) in enumerate(digits.convolutions(), 1)
    ),
    Job("classifier", "digits", "batch", digits.classifier),
    Job("step of generator and encoder", "digits", "batch", digits.generator_step),
    Job("step of the classifier", "digits", "batch", digits.classifier_step),
    Job(f"drawing {large_digit.SIDE} x {large_digit.SIDE}", "drawing", "pixel", digits.drawing),
]

PICTURES = [
    *(Job(f"4096 to {units} to 4096, Adam", "pictures", "batch",
          partial(patches.autoencoder, (64, 64, 1), AutoencodeConfig(bottleneck=units)))
      for units in (1024, 128)),
    *(Job(f"convolutional, {side} x {side} x {channels}, Adam", "pictures", "batch",
          partial(patches.autoencoder, (side, side, channels), AutoencodeConfig(conv=True)))
      for side, channels in ((64, 1), (32, 3))),
    *(Job(f"unjpeg, {layers} on {block} x {block}, descent", "pictures", "batch",
          partial(patches.unjpeg, layers, block))
      for layers, block in (("4x2047", 24), ("2x480", 16))),
]  # fmt: skip
