"""A picture as latent numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fit_image.apps.digits.directory import DigitsDirectory
from fit_image.apps.digits.model import DigitModel
from fit_image.apps.digits.networks import generator_numbers, make_encoder, make_generator
from fit_image.errors import InputError
from fit_image.images.crops import centre_crop
from fit_image.images.io import load_image, to_uint8
from fit_image.images.scaling import resize
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.threads import ThreadPool


@dataclass(frozen=True)
class Encoded:
    """What an encoder makes of a picture.

    Attributes
    ----------
    model : DigitModel
    latents, deviations : float32 (latent,)
        Means and deviations of the latent numbers.
    nearest : str
        The class whose normal gives them the largest likelihood.
    """

    model: DigitModel
    latents: FloatArray
    deviations: FloatArray
    nearest: str


def encode_picture(run: Path, picture: Path) -> Encoded:
    """Encode a picture with the encoder of a training.

    Parameters
    ----------
    run : Path
        The folder of the training.
    picture : Path
        Scaled to the size of those learned from; inverted, if grey and on the other shade.

    Raises
    ------
    InputError
        If the folder holds no training that has begun, or the picture cannot be read.
    """
    folder = DigitsDirectory.open(run)
    model = DigitModel.load(run)
    arrays = folder.read_checkpoint()
    if arrays is None:
        raise InputError(f"{run} has no checkpoint, which holds the encoder")
    shape = (model.height, model.width, model.channels)
    encoder = make_encoder(folder.manifest.config, *shape)
    saved = arrays.get("encoder_average", arrays.get("encoder_parameters"))
    if saved is None or saved.shape != encoder.parameters.shape or not np.isfinite(saved).all():
        raise InputError(f"{folder.checkpoint} is damaged: it holds no such encoder")
    encoder.parameters[:] = saved
    # The encoder of a training under way is newer than its model: so must the generator be.
    generator = make_generator(folder.manifest.config, *shape)
    newest = arrays.get("generator_average", arrays.get("generator_parameters"))
    if newest is None or newest.shape != generator.parameters.shape:
        raise InputError(f"{folder.checkpoint} is damaged: it holds no such generator")
    generator.parameters[:] = newest
    model = replace(model, numbers=generator_numbers(generator))
    channels = "grey" if model.channels == 1 else "rgb"
    levels = to_uint8(load_image(picture, channels=channels, max_pixels=None).levels)
    seen = resize(levels, folder.manifest.source.width, folder.manifest.source.height)
    inputs = centre_crop(seen[np.newaxis], model.height)
    edges = np.concatenate([inputs[0, [0, -1]].ravel(), inputs[0, :, [0, -1]].ravel()])
    if (np.median(edges) < 0.5) != (model.background < 0.5) and model.channels == 1:
        inputs = np.float32(1.0) - inputs
    outputs = encoder.forward(inputs, encoder.make_cache(1, ThreadPool(1)))[0]
    latents, log_variance = (
        outputs[: folder.manifest.config.latent],
        outputs[folder.manifest.config.latent :],
    )
    distance = ((latents - model.means) / np.maximum(model.deviations, 1e-6)) ** 2
    unlikely = (distance / 2 + np.log(np.maximum(model.deviations, 1e-6))).sum(axis=1)
    nearest = model.names[int(unlikely.argmin())]
    return Encoded(model, latents.copy(), np.exp(0.5 * log_variance), nearest)
