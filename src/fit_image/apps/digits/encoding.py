"""Encoding of a picture as latents."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fit_image.apps.digits.directory import DigitsDirectory
from fit_image.apps.digits.model import DigitModel
from fit_image.apps.digits.networks import generator_numbers, make_encoder, make_generator
from fit_image.errors import InputError
from fit_image.images.colours import to_uint8
from fit_image.images.crops import centre_crop
from fit_image.images.io import load_image
from fit_image.images.scaling import resize
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.threads import ThreadPool
from fit_image.storage.npz import array_like


class Encoded(NamedTuple):
    """The latents of a picture, their standard deviations, and their most likely class.

    ``remarks`` must be told the user.
    """

    model: DigitModel
    latents: FloatArray
    deviations: FloatArray
    nearest: str
    remarks: tuple[str, ...]


def encode_picture(run: Path, picture: Path) -> Encoded:
    """Encode a picture with the encoder of a training.

    It is scaled to the size of the training pictures, and inverted if it is grey and its background
    is the opposite of theirs.

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
    config, source = folder.manifest.config, folder.manifest.source
    shape = (model.height, model.width, model.channels)
    # The encoder of a training under way is newer than its model: so must the generator be.
    encoder, generator = make_encoder(config, *shape), make_generator(config, *shape)
    for name, network in (("encoder", encoder), ("generator", generator)):
        average = f"{name}_average"
        newest = average if average in arrays else f"{name}_parameters"
        try:
            network.parameters[:] = array_like(arrays, newest, network.parameters)
        except ValueError as error:
            raise InputError(f"{folder.checkpoint} is damaged: {error}") from error
    model = replace(model, parameters=generator_numbers(config, generator))
    channels = "grey" if model.channels == 1 else "rgb"
    loaded = load_image(picture, channels=channels, max_pixels=None)
    levels = to_uint8(loaded.levels)
    inputs = centre_crop(resize(levels, source.width, source.height)[np.newaxis], model.height)
    edges = np.concatenate([inputs[0, [0, -1]].ravel(), inputs[0, :, [0, -1]].ravel()])
    if (np.median(edges) < 0.5) != (model.background < 0.5) and model.channels == 1:
        inputs = np.float32(1.0) - inputs
    outputs = encoder.forward(inputs, encoder.make_cache(1, ThreadPool(1)))[0]
    latents, log_variance = outputs[: config.latent], outputs[config.latent :]
    floored = np.maximum(model.deviations, 1e-6)
    unlikely = (((latents - model.means) / floored) ** 2 / 2 + np.log(floored)).sum(axis=2)
    nearest = model.class_names[int(unlikely.min(axis=1).argmin())]
    remarks = tuple(remark.text for remark in loaded.remarks)
    return Encoded(model, latents.copy(), np.exp(0.5 * log_variance), nearest, remarks)
