"""Encodings: what becomes of a place before the first layer sees it.

An encoding turns a vector into a longer one, in which detail is easier to tell apart. Some are
fixed; those with tables learn them together with the network, whose parameter vector they share.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fit_image.core.dense import FloatArray, IntArray

Arrays = Mapping[str, npt.NDArray[Any]]


class Encoding(ABC):
    """Base of the encodings.

    Parameters
    ----------
    inputs, outputs : int
        Sizes of the vectors that go in and come out.

    Attributes
    ----------
    levels : int
        Tables that learn; 0 if the encoding is fixed.
    size : int
        Numbers it has in the network's parameter vector, padding included.
    parameter_count : int
        Those that learn.
    """

    levels = 0
    size = 0
    parameter_count = 0

    def __init__(self, inputs: int, outputs: int) -> None:
        self.inputs = inputs
        self.outputs = outputs

    def initialise(self, tables: FloatArray, rng: np.random.Generator) -> None:  # noqa: B027
        """Fill the tables, float32 (size,); a fixed encoding has none."""

    def to_arrays(self) -> Arrays:
        """Return what `from_arrays` needs; not what the tables hold."""
        return {}

    @classmethod
    @abstractmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """Return the encoding of two-dimensional places that gave these arrays.

        Raises
        ------
        KeyError, ValueError
            If they make no sense.
        """

    @abstractmethod
    def encode(
        self,
        tables: FloatArray,
        inputs: FloatArray,
        rows: FloatArray,
        part: int,
        thread: int = 0,
        threads: int = 1,
    ) -> None:
        """Encode every so many of the parts of the samples.

        Parameters
        ----------
        tables : float32 (size,)
        inputs : float32 (samples, inputs)
        rows : float32 (samples, at least outputs)
            Where the outputs are written, from the first column on.
        part : int
            Samples of a part.
        thread, threads : int
            The parts ``thread``, ``thread + threads`` and so on are encoded.
        """

    @abstractmethod
    def input_gradient(
        self, tables: FloatArray, inputs: FloatArray, upstream: FloatArray
    ) -> FloatArray:
        """Return the gradient by the inputs, float32 (samples, inputs).

        Parameters
        ----------
        tables, inputs
            As in `encode`.
        upstream : float32 (samples, at least outputs)
            The gradient by the outputs.
        """

    def add_gradient(
        self, level: int, inputs: FloatArray, upstream: FloatArray, gradient: FloatArray
    ) -> None:
        """Add the gradient by the tables of a level, summed over the samples.

        Parameters
        ----------
        level : int
        inputs, upstream
            As in `input_gradient`.
        gradient : float32 (size,)
        """
        raise NotImplementedError("a fixed encoding has no tables")

    def take_touched(self, level: int) -> tuple[IntArray, int]:
        """Return where runs of numbers begin that may have a gradient, and how long they are.

        Those of a level since it was last asked; then they are forgotten.
        """
        raise NotImplementedError("a fixed encoding has no tables")


def taken(
    arrays: Arrays, name: str, dtype: npt.DTypeLike, shape: tuple[int | None, ...]
) -> npt.NDArray[Any]:
    """Return an array; ValueError if it has another type or shape, or is not finite.

    None in the shape stands for any number but 0.
    """
    array = arrays[name]
    fits = len(array.shape) == len(shape) and all(
        found == (max(found, 1) if asked is None else asked)
        for found, asked in zip(array.shape, shape, strict=True)
    )
    if array.dtype != dtype or not fits or not np.isfinite(array).all():
        raise ValueError(f"{name} has an unexpected type or shape, or is not finite")
    return array


class Identity(Encoding):
    """Leaves a vector as it is: the network of the classic recipe."""

    def __init__(self, inputs: int) -> None:
        super().__init__(inputs, inputs)

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """See `Encoding.from_arrays`."""
        return cls(2)

    def encode(
        self,
        tables: FloatArray,
        inputs: FloatArray,
        rows: FloatArray,
        part: int,
        thread: int = 0,
        threads: int = 1,
    ) -> None:
        """See `Encoding.encode`."""
        for start in range(thread * part, len(inputs), threads * part):
            some = inputs[start : start + part]
            rows[start : start + len(some), : self.outputs] = some

    def input_gradient(
        self, tables: FloatArray, inputs: FloatArray, upstream: FloatArray
    ) -> FloatArray:
        """See `Encoding.input_gradient`."""
        return upstream[:, : self.inputs].copy()
