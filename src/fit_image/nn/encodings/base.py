"""Encodings of the inputs of a network.

An encoding maps a vector of any length to a longer one, in which detail is easier to learn. Some
are fixed; the tables of others are trained with the network, whose parameter vector they share.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from fit_image.nn.layers.kernel_args import Grads
from fit_image.nn.layers.layer import Call, Layer
from fit_image.nn.optimizers.touched import Touched
from fit_image.nn.runtime.arrays import FloatArray, IntArray, padded_size

_NO_TABLES = np.empty((0, 2), dtype=np.int64)
_NO_LEVELS = np.empty((0, 6), dtype=np.int64)

Arrays = Mapping[str, npt.NDArray[Any]]


class Share(NamedTuple):
    """A thread's share of samples that are cut into parts: every ``threads``-th part."""

    part: int  # samples of a part
    thread: int = 0  # its first part
    threads: int = 1


class Encoding(Layer):
    """Base of the encodings, from vectors of ``inputs`` numbers to vectors of ``outputs``.

    An encoding is a network's first layer; its tables are the layer's parameters.

    Attributes
    ----------
    levels : int
        Number of trainable tables; 0 if the encoding is fixed.
    spans : int64 (levels, 2)
        Where each begins and ends in the encoding's part of the network's parameter vector.
    units : int64 (units, 2)
        The same for the units into which they are cut for threads.
    entry_size : int
        Numbers of a table's entry.
    table : int64 (levels, 6)
        The tables as kernels see them; see `fit_image.nn.encodings.hash_grid_kernels.START`.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        spans: IntArray = _NO_TABLES,
        units: IntArray = _NO_TABLES,
        entry_size: int = 1,
    ) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self.levels = len(spans)
        self.spans = spans
        self.units = units
        self.entry_size = entry_size
        self.table = _NO_LEVELS
        count = int((spans[:, 1] - spans[:, 0]).sum())
        super().__init__((inputs,), (outputs,), padded_size(int(spans[:, 1].max(initial=0))), count)

    def named_params(self, params: FloatArray) -> dict[str, FloatArray]:
        """Return "tables", all of them."""
        return {"tables": params} if self.levels else {}

    def make_cache(self, batch_size: int) -> Touched:
        """Return the notes of what has a gradient."""
        return Touched(self.units, self.entry_size)

    def touched(self, cache: Touched) -> Touched | None:
        return cache if self.levels else None

    def forward(self, call: Call) -> None:
        """Encode the samples; threads share them."""

        def work(_: object, thread: int, threads: int) -> None:
            part = max(-(-len(call.x) // threads), 1)
            self.encode(call.params, call.x, call.y, Share(part, thread, threads))

        call.pool.run(work)

    def propagate(self, call: Call, grads: Grads) -> None:
        """Compute the gradient of the tables, a share of their units in each thread."""
        grad_y = grads.y.reshape(call.y.shape)
        if grads.x.size:
            below = self.input_gradient(call.params, call.x, grad_y)
            grads.x.reshape(call.x.shape)[:] = below
        if not grads.params.size:
            return
        if not grads.add:
            grads.params[:] = 0.0
            call.cache.clear()
        scaled = grad_y * np.float32(grads.scale)

        def work(_: object, thread: int, threads: int) -> None:
            count = len(self.units)
            units = range(count * thread // threads, count * (thread + 1) // threads)
            self.add_gradient(units, call.x, scaled, grads.params, call.cache)

        call.pool.run(work)

    def to_arrays(self) -> Arrays:
        """Return the arguments of `from_arrays`; the tables' entries are not among them."""
        return {}

    @classmethod
    @abstractmethod
    def from_arrays(cls, arrays: Arrays, inputs: int) -> Self:
        """Return the encoding of vectors of ``inputs`` numbers with this `to_arrays`.

        KeyError or ValueError if there is none.
        """

    @abstractmethod
    def encode(
        self, tables: FloatArray, inputs: FloatArray, rows: FloatArray, share: Share
    ) -> None:
        """Encode a thread's share of the samples.

        Parameters
        ----------
        tables : float32 (size,)
        inputs : float32 (samples, inputs)
        rows : float32 (samples, at least outputs)
            Where the outputs are written, from the first column on.
        """

    @abstractmethod
    def input_gradient(
        self, tables: FloatArray, inputs: FloatArray, grad_y: FloatArray
    ) -> FloatArray:
        """Return the gradient with respect to the inputs, float32 (samples, inputs).

        ``grad_y`` is that with respect to the outputs, float32 (samples, at least outputs).
        """

    def unit_work(self, samples: int) -> FloatArray:
        """Return how long each unit keeps a thread busy in a batch of so many samples, float32.

        In any unit of time; all are the same by default.
        """
        return np.ones(len(self.units), dtype=np.float32)

    def add_gradient(
        self,
        units: range,
        inputs: FloatArray,
        grad_y: FloatArray,
        gradient: FloatArray,
        touched: Touched,
    ) -> None:
        """Add the gradient of some units of the tables, summed over the samples, if there are any.

        ``gradient`` is that of all tables, float32 (size,); ``touched`` notes where something was
        added.
        """


def checked_array(
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
    """No encoding: the outputs are the inputs."""

    def __init__(self, inputs: int) -> None:
        super().__init__(inputs, inputs)

    @classmethod
    def from_arrays(cls, arrays: Arrays, inputs: int) -> Self:
        return cls(inputs)

    def encode(
        self, tables: FloatArray, inputs: FloatArray, rows: FloatArray, share: Share
    ) -> None:
        part, thread, threads = share
        for start in range(thread * part, len(inputs), threads * part):
            some = inputs[start : start + part]
            rows[start : start + len(some), : self.outputs] = some

    def input_gradient(
        self, tables: FloatArray, inputs: FloatArray, grad_y: FloatArray
    ) -> FloatArray:
        return grad_y[:, : self.inputs].copy()
