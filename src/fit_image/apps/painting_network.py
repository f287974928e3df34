"""Networks from coordinates to colours, and their files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fit_image.apps.coordinates import unit_coordinates
from fit_image.apps.rendering import render_strips
from fit_image.config.registry import CHANNELS
from fit_image.config.settings import check_threads, require
from fit_image.errors import InputError, excerpt
from fit_image.images.colours import to_uint8
from fit_image.images.formats.limits import LARGEST_PICTURE
from fit_image.images.scaling import size_within
from fit_image.images.showing import LARGEST, Shown, ShownInNotebooks
from fit_image.nn.activations import ACTIVATIONS
from fit_image.nn.encodings.base import Encoding
from fit_image.nn.encodings.registry import ENCODINGS
from fit_image.nn.mlp import mlp as core
from fit_image.nn.mlp.layer_spec import LayerSpec
from fit_image.nn.mlp.predictor import OnPart
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.storage.npz import Arrays, read_archive, texts_of, write_archive

FORMAT_VERSION = 3

# Of the activations: fields of a layer, and without their s, arrays of a model file.
_CONSTANTS = ("slope", "omega", "scale")

# Of a model file; a checkpoint has others besides.
_KNOWN = "|".join(
    (
        *("size", "encoding", "frequencies", "grid", "tables", "activations", "skips"),
        *(f"{name}s" for name in _CONSTANTS),
        "(weights|biases)_[0-9]{1,4}",
    )
)

Region = tuple[float, float, float, float]
WHOLE: Region = (0.0, 0.0, 1.0, 1.0)

# Limits of a strip's pixels, and of parameters times pixels: a strip takes a fraction of a second,
# so that drawing a large network shows progress and can be stopped.
_STRIP_PIXELS = 1 << 16
_STRIP_WORK = 3 * 10**10


class PaintingNetwork(core.MLP, ShownInNotebooks):
    """A network from coordinates (x, y) to a colour: red, green and blue; or grey; or with alpha.

    x runs from 0 in the middle of the picture's left column to 1 in that of its right one, y from 0
    at the top row to 1 at the bottom one; colours are 0..1 for black to full, and may overshoot.

    Attributes
    ----------
    size : tuple of int
        Width and height in pixels of the picture it learned.
    channels : int
        1 for grey, 3, or 4 with (straight) alpha.
    """

    def __init__(
        self,
        specs: tuple[LayerSpec, ...],
        size: tuple[int, int],
        encoding: Encoding | None = None,
    ) -> None:
        super().__init__(specs, encoding)
        self.channels = self.specs[-1].fan_out
        if self.inputs != 2 or self.channels not in CHANNELS.values():
            raise ValueError("a painting network has 2 inputs and 1, 3 or 4 outputs")
        self.size = size

    def predict(self, inputs: npt.ArrayLike, *, threads: int | None = None) -> FloatArray:
        """Compute the colours (float32, samples x channels) of many places at once.

        Parameters
        ----------
        inputs : array-like (samples, 2) of real numbers
            x and y of each place.
        threads : int, optional
            At most so many. Default: all cores this process may use. Does not change the result.

        Raises
        ------
        InputError
            If the inputs are no such array.
        """
        check_threads(threads)
        try:
            places = np.asarray(inputs)
        except (TypeError, ValueError, OverflowError) as error:  # rows of several lengths, or so
            raise _not_places(type(inputs).__name__) from error
        if places.dtype.kind not in "buif" or places.ndim != 2 or places.shape[1] != self.inputs:
            raise _not_places(f"shape {places.shape} of {places.dtype}")
        return super().predict(places, threads=threads)

    def render(
        self,
        width: int | None = None,
        height: int | None = None,
        region: Region = WHOLE,
        *,
        threads: int | None = None,
    ) -> FloatArray:
        """Draw the learned function.

        Parameters
        ----------
        width, height : int, optional
            Size in pixels, default that of the learned picture.
        region : tuple of float
            Its left, top, right and bottom edges, in widths and heights of the learned picture: the
            whole is 0, 0, 1, 1, with the outer halves of its border pixels. May lie outside 0..1.
        threads : int, optional
            Default: all cores. Does not change the result.

        Returns
        -------
        float32 (height, width, channels)
            Colours as the network gives them, not clipped.

        Raises
        ------
        InputError
            If the size, the region or the number of threads is invalid.
        """
        width = self.size[0] if width is None else width
        height = self.size[1] if height is None else height
        _check_drawing(width, height, region)
        picture = np.empty((height * width, self.channels), dtype=np.float32)

        def write(first: int, colours: FloatArray) -> None:
            picture[first : first + len(colours)] = colours

        for _ in self.render_strips(width, height, region, threads=threads, on_part=write):
            pass
        return picture.reshape(height, width, self.channels)

    def render_strips(
        self,
        width: int,
        height: int,
        region: Region = WHOLE,
        *,
        threads: int | None = None,
        on_part: OnPart | None = None,
    ) -> Iterator[tuple[int, FloatArray]]:
        """Draw like `render`; yield strips: the first row, and float32 (rows, width, channels).

        ``on_part`` is that of `fit_image.apps.rendering.render_strips`.
        """
        _check_drawing(width, height, region)
        check_threads(threads)
        x0, y0, x1, y1 = region
        xs = unit_coordinates(width, self.size[0], x0, x1)
        ys = unit_coordinates(height, self.size[1], y0, y1)

        def coordinates(rows: range) -> FloatArray:
            xy = np.empty((len(rows), width, 2), dtype=np.float32)
            xy[..., 0] = xs
            xy[..., 1] = ys[rows.start : rows.stop, np.newaxis]
            return xy

        pixels = max(1024, min(_STRIP_PIXELS, _STRIP_WORK // self.num_params))
        size = width, height
        return render_strips(
            self, coordinates, size, pixels=pixels, threads=threads, on_part=on_part
        )

    def shown(self) -> Shown:
        """Return the picture that a notebook shows, smaller if it is large, and a line."""
        width, height = self.size
        if width * height > LARGEST:
            width, height = size_within(self.size, LARGEST)
        caption = f"{self.num_params:,} parameters that paint {self.size[0]}x{self.size[1]} pixels"
        return Shown(to_uint8(self.render(width, height)), caption)

    @property
    def encoding_name(self) -> str:
        """The encoding's key of `fit_image.nn.encodings.registry.ENCODINGS`."""
        (name,) = (name for name, kind in ENCODINGS.items() if type(self.encoding) is kind)
        return name

    def is_like(self, other: PaintingNetwork) -> bool:
        """Return whether another network differs in its parameters at most."""
        mine, others = self.encoding.to_arrays(), other.encoding.to_arrays()
        return (
            self.specs == other.specs
            and self.size == other.size
            and type(self.encoding) is type(other.encoding)
            and all(np.array_equal(mine[name], others[name]) for name in mine)
        )

    def to_arrays(self) -> Arrays:
        """Return the arrays of a model file, as docs/file-formats.md describes them."""
        arrays: Arrays = {
            "encoding": np.array(self.encoding_name),
            **self.encoding.to_arrays(),
            "tables": self.tables().copy(),
            "size": np.array(self.size, dtype=np.int64),
            "activations": np.array([layer.activation for layer in self.specs]),
            "skips": np.array([layer.skip for layer in self.specs], dtype=np.int64),
        }
        for name in _CONSTANTS:
            values = [getattr(layer, name) for layer in self.specs]
            arrays[f"{name}s"] = np.array(values, dtype=np.float64)
        for index, (weights, biases) in enumerate(self.weights()):
            arrays[f"weights_{index}"] = weights.copy()
            arrays[f"biases_{index}"] = biases.copy()
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """Build a network from `to_arrays`; ValueError or KeyError if they make no sense."""
        width, height = (int(side) for side in _typed(arrays["size"], np.int64, (2,)))
        if not (0 < width < 1 << 31 and 0 < height < 1 << 31):
            raise ValueError("impossible size")
        activations = texts_of(arrays, "activations")
        name = "".join(texts_of(arrays, "encoding"))
        if name not in ENCODINGS:
            raise ValueError(f"unknown encoding {excerpt(name)}")
        encoding = ENCODINGS[name].from_arrays(arrays, 2)
        constants = [
            _typed(arrays[f"{name}s"], np.float64, (len(activations),)) for name in _CONSTANTS
        ]
        if not np.isfinite(constants).all():
            raise ValueError("an activation's constant is not finite")
        skips = _typed(arrays["skips"], np.int64, (len(activations),)).tolist()
        if min(skips, default=0) < 0:
            raise ValueError("impossible residual block")
        layers, fan_in = [], encoding.outputs
        for index, (activation, skip, *own) in enumerate(
            zip(activations, skips, *constants, strict=True)
        ):
            weights = arrays[f"weights_{index}"]
            if activation not in ACTIVATIONS:
                raise ValueError(f"unknown activation in layer {index}")
            if weights.ndim != 2 or weights.shape[0] < 1 or weights.shape[1] != fan_in:
                raise ValueError(f"impossible layer {index}")
            slope, omega, scale = map(float, own)
            layers.append(LayerSpec(fan_in, len(weights), activation, slope, omega, scale, skip))
            fan_in = len(weights)
        tables = _typed(arrays["tables"], np.float32, (encoding.size,))
        network = cls(tuple(layers), (width, height), encoding)
        network.tables()[:] = tables
        for index, (weights, biases) in enumerate(network.weights()):
            weights[:] = _typed(arrays[f"weights_{index}"], np.float32, weights.shape)
            biases[:] = _typed(arrays[f"biases_{index}"], np.float32, biases.shape)
        if not np.isfinite(network.parameters).all():
            raise ValueError("weights are not finite")
        return network

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a model file; `FitImageError` if that fails."""
        write_archive(path, "model", FORMAT_VERSION, self.to_arrays())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read the network of a model file, or of a run's folder.

        `InputError` if it is missing, damaged, of another kind, of another version, or no path.
        """
        if not isinstance(path, str | os.PathLike):
            wanted = "the path of a model file or of a run's folder, as text"
            raise InputError(f"a network is loaded from {wanted}; not from {type(path).__name__}")
        path = Path(path)
        if path.is_dir():
            # Of a run that is under way, or was killed, the checkpoint is newer than the model.
            files = [path / "model.npz", path / "checkpoint.npz"]
            path = max(
                (file for file in files if file.is_file()),
                key=lambda file: file.stat().st_mtime_ns,
                default=files[0],
            )
        arrays = read_archive(path, "model", FORMAT_VERSION, _KNOWN)
        try:
            return cls.from_arrays(arrays)
        except (KeyError, TypeError, ValueError, MemoryError, OverflowError) as error:
            raise InputError(f"{path} is damaged: {error}") from error


def _not_places(found: str) -> InputError:
    wanted = "must be an array (samples, 2) of real numbers: x and y of each place"
    return InputError(f"inputs {wanted}; not {found}", fields=("inputs",))


def _check_drawing(width: int, height: int, region: Region) -> None:
    """Raise `InputError` unless a picture of that size and region can be drawn."""
    for name, count in (("width", width), ("height", height)):
        whole = isinstance(count, int | np.integer) and count >= 1
        require(whole, name, f"must be a whole number from 1 on, not {count!r}")
    possible = width * height <= LARGEST_PICTURE
    require(possible, "width", f"times height must be at most {LARGEST_PICTURE:,} pixels")
    try:
        edges = np.asarray(region, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        edges = np.empty(0)
    valid = edges.shape == (4,) and bool(np.isfinite(edges).all())
    require(valid, "region", f"must be four finite numbers, not {region!r}")


def _typed(
    array: npt.NDArray[Any], dtype: npt.DTypeLike, shape: tuple[int, ...]
) -> npt.NDArray[Any]:
    if array.dtype != dtype or array.shape != shape:
        raise ValueError("an array has an unexpected type or shape")
    return array
