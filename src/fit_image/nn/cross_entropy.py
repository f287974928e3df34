"""Softmax and cross-entropy: how far classes are told apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fit_image.nn.runtime.arrays import FloatArray


@dataclass(frozen=True)
class Judgement:
    """What a classifier makes of a batch.

    Attributes
    ----------
    losses : float64 (samples,)
        In nats.
    gradient : float32 (samples, classes)
        Derivative of the sum of the losses by the logits.
    predictions : int64 (samples,)
        The likeliest classes.
    accuracy : float
        Share of the samples whose class is the likeliest.
    """

    losses: npt.NDArray[np.float64]
    gradient: FloatArray
    predictions: npt.NDArray[np.int64]
    accuracy: float


def cross_entropy(logits: FloatArray, labels: npt.NDArray[np.int64]) -> Judgement:
    """Judge logits by labels: minus the logarithm of the softmax of the right class.

    Parameters
    ----------
    logits : float32 (samples, classes)
    labels : int64 (samples,)
        0 to classes - 1.

    Raises
    ------
    ValueError
        If the labels do not fit the logits.
    """
    classes = logits.shape[1]
    if labels.shape != logits.shape[:1] or ((labels < 0) | (labels >= classes)).any():
        raise ValueError(f"labels {labels.shape} do not fit logits {logits.shape}")
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    sums = powers.sum(axis=1, keepdims=True)
    right = np.arange(len(labels)), labels
    losses = np.log(sums[:, 0]) - shifted[right]
    gradient = powers / sums
    gradient[right] -= 1.0
    predictions = logits.argmax(axis=1)
    accuracy = float((predictions == labels).mean()) if len(labels) else 0.0
    return Judgement(losses, gradient.astype(np.float32), predictions, accuracy)
