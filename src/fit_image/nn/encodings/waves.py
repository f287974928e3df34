"""Sines and cosines of the inputs, from which a network learns detail faster."""

from __future__ import annotations

import math
from typing import Self

import numpy as np

from fit_image.nn.encodings.base import Arrays, Encoding, Share, checked_array
from fit_image.nn.kernels.vector_math import cosine, sine
from fit_image.nn.runtime.arrays import FloatArray, vector
from fit_image.nn.runtime.jit import inner, kernel

_TURN = np.float32(2.0 * math.pi)


class Waves(Encoding):
    """cos(2 pi F v), then sin(2 pi F v), of a vector v.

    Base of the encodings that differ in how the frequencies are chosen.

    Parameters
    ----------
    frequencies : float32 (waves, inputs)
        In periods per unit of each input.
    """

    def __init__(self, frequencies: FloatArray) -> None:
        waves, inputs = frequencies.shape
        super().__init__(inputs, 2 * waves)
        self.frequencies = np.ascontiguousarray(frequencies, dtype=np.float32)

    def encode(
        self, tables: FloatArray, inputs: FloatArray, rows: FloatArray, share: Share
    ) -> None:
        transposed = np.ascontiguousarray(self.frequencies.T)
        _encode_kernel(transposed, inputs, rows, *share)

    def input_gradient(
        self, tables: FloatArray, inputs: FloatArray, grad_y: FloatArray
    ) -> FloatArray:
        waves = len(self.frequencies)
        angles = 2.0 * np.pi * (inputs @ self.frequencies.T)
        grad_cosine, grad_sine = grad_y[:, :waves], grad_y[:, waves : 2 * waves]
        grad_angle = grad_sine * np.cos(angles) - grad_cosine * np.sin(angles)
        gradient: FloatArray = (2.0 * np.pi * grad_angle @ self.frequencies).astype(np.float32)
        return gradient

    def to_arrays(self) -> Arrays:
        return {"frequencies": self.frequencies.copy()}

    @classmethod
    def from_arrays(cls, arrays: Arrays, inputs: int) -> Self:
        frequencies = checked_array(arrays, "frequencies", np.float32, (None, inputs))
        encoding = cls.__new__(cls)
        Waves.__init__(encoding, frequencies)
        return encoding


@inner
def _turns(frequencies, inputs, i, turns):
    """Write the phase of each wave in turns, without whole ones: -0.5 to 0.5."""
    for wave in range(turns.shape[0]):
        turns[wave] = np.float32(0.0)
    for j in range(frequencies.shape[0]):
        u, row = inputs[i, j], frequencies[j]
        for wave in range(turns.shape[0]):
            turns[wave] += u * row[wave]
    for wave in range(turns.shape[0]):
        turns[wave] -= np.rint(turns[wave])


@kernel
def _encode_kernel(frequencies, inputs, rows, part, thread, threads):
    waves = frequencies.shape[1]
    for first in range(thread * part, inputs.shape[0], threads * part):
        for i in range(first, min(first + part, inputs.shape[0])):
            cosines, sines = vector(rows[i], 0, waves), vector(rows[i], waves, waves)
            _turns(frequencies, inputs, i, sines)
            for wave in range(waves):
                turns = sines[wave]
                cosines[wave] = cosine(_TURN * turns)
                sines[wave] = sine(_TURN * turns)
