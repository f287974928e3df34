"""Measurements of an exported file: how far its colours are from the network's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fit_image.apps.contact_sheet import Pixels
from fit_image.apps.export.browser import draw_page, find_browser
from fit_image.apps.export.onnx_graph import run_onnx
from fit_image.apps.export.page import evaluate_page, is_half
from fit_image.apps.export.shader import evaluate_shader, harness
from fit_image.apps.export.subject import Subject
from fit_image.apps.export.torch_module import evaluate_weights, run_module
from fit_image.apps.painting_network import Region
from fit_image.errors import FitImageError
from fit_image.images.colours import to_uint8
from fit_image.nn.runtime.arrays import FloatArray

_SIDE = 48
"""Of the pictures that are compared, in pixels."""

_LEAST, _ROUNDING = 1e-6, 10.0
"""Largest error of a program, or so many times that of the network's own float32."""

_MOST_LEVELS, _LEAST_EQUAL = 1, 0.99
"""Of 255, and the fraction of channels that must be equal."""

_BROWSER_WORK = 3e8
"""Products that a processor does in place of a graphics card in a few seconds."""


Colours = Callable[[FloatArray], npt.NDArray[Any]]


class Drawn(NamedTuple):
    """How two pictures differ: the most of 255 levels, and the fraction of equal channels."""

    most: int
    equal: float

    def __str__(self) -> str:
        # Never rounded up to all.
        percent = np.floor(10_000 * self.equal) / 100
        return f"at most {self.most} of 255 levels off, {percent:g}% of channels equal"


def deviation(found: npt.NDArray[Any], expected: npt.NDArray[Any]) -> float:
    """Return the largest difference, of values beyond 1 relative to these."""
    far = np.abs(found - expected) / np.maximum(np.abs(expected), 1.0)
    # NaN is as far as can be.
    return float(np.nan_to_num(far, nan=np.inf).max())


def compare(found: Pixels, expected: Pixels) -> Drawn:
    """Compare two pictures of the same shape."""
    far = np.abs(found.astype(np.int64) - expected)
    return Drawn(int(far.max()), float((far == 0).mean()))


def sample_inputs(subject: Subject) -> FloatArray:
    """Return inputs of places in the picture and around it, and of several latents."""
    regions: list[Region] = [(0.0, 0.0, 1.0, 1.0), (-0.5, -0.5, 1.5, 1.5)]
    parts = [subject.inputs(_SIDE, _SIDE, region) for region in regions]
    if subject.latents:
        latents, rng = subject.latents, np.random.default_rng(0)
        for mean, spread in zip(latents.means[:, 0], latents.deviations[:, 0], strict=True):
            values = mean + spread * rng.standard_normal(len(mean), dtype=np.float32)
            parts.append(subject.inputs(16, 16, regions[0], values))
    return np.concatenate(parts)


def check_page(subject: Subject, paths: Sequence[Path]) -> list[str]:
    """Evaluate a page, and draw it in Chromium where there is one."""
    (path,) = paths
    page, inputs = path.read_bytes(), sample_inputs(subject)
    truth, found = subject.network.predict(inputs), evaluate_page(page, inputs)
    lines = [f"as written: at most {deviation(found, truth):.1e} from the network"]
    if is_half(page):
        lines[0] += f"; {compare(to_uint8(_f32(found)), to_uint8(truth))}"
    else:
        _require_picture("the page", compare(to_uint8(_f32(found)), to_uint8(truth)))

    def colours(coordinates: FloatArray) -> npt.NDArray[Any]:
        return (
            evaluate_page(page, coordinates)
            if is_half(page)
            else subject.network.predict(coordinates)
        )

    return [*lines, *_in_browser(subject, path, colours)]


def check_shader(subject: Subject, paths: Sequence[Path]) -> list[str]:
    """Evaluate the statements of a shader, and draw it in Chromium where there is one."""
    (path,) = paths
    shader, names = path.read_bytes(), subject.frame.names
    coordinates = subject.frame.coordinates(_SIDE, _SIDE, (-0.5, -0.5, 1.5, 1.5))
    truth = subject.network.predict(subject.inputs(_SIDE, _SIDE, (-0.5, -0.5, 1.5, 1.5)))
    found = evaluate_shader(shader, names, coordinates)[:, : subject.channels]
    _require_picture("the shader", compare(to_uint8(_f32(found)), to_uint8(truth)))
    page = path.with_suffix(".html")
    page.write_bytes(harness(shader))
    lines = [f"as written: at most {deviation(found, truth):.1e} from the network"]
    return [*lines, *_in_browser(subject, page, subject.network.predict, over_white=True)]


def check_onnx_file(subject: Subject, paths: Sequence[Path]) -> list[str]:
    """Run a graph."""
    (path,) = paths
    inputs = sample_inputs(subject)
    program, found = run_onnx(path.read_bytes(), inputs)
    return [_near(subject, inputs, program, found)]


def check_torch_files(subject: Subject, paths: Sequence[Path]) -> list[str]:
    """Evaluate weights, and run the module where PyTorch is installed."""
    weights, module = paths
    inputs = sample_inputs(subject)
    lines = [_near(subject, inputs, "weights", evaluate_weights(weights.read_bytes(), inputs))]
    found = run_module(module, inputs)
    if found is None:
        return [*lines, "the module was not run: torch and safetensors are not installed"]
    return [*lines, _near(subject, inputs, "torch", found)]


def _near(subject: Subject, inputs: FloatArray, name: str, found: npt.NDArray[Any]) -> str:
    """Return a line about a program's outputs; `FitImageError` if they are too far."""
    truth = subject.network.predict(inputs)
    rounding = deviation(truth, subject.plain.evaluate(inputs))
    far = deviation(found, truth)
    if not far <= max(_LEAST, _ROUNDING * rounding):
        raise FitImageError(f"nothing written: {name} computes other colours, {far:.1e} away")
    return f"{name}: at most {far:.1e} from the network"


def _in_browser(
    subject: Subject, page: Path, colours: Colours, *, over_white: bool = False
) -> list[str]:
    """Draw a page in Chromium, the whole picture and some of its surroundings; return a line."""
    browser = find_browser()
    if browser is None:
        return []
    side = int(np.clip(np.sqrt(_BROWSER_WORK / subject.plain.numbers), 24, 96))
    centre, scale = fitted(subject, side, side)
    drawn = draw_page(browser, page, side, side, centre, scale)
    if drawn is None:
        return ["Chromium drew nothing"]
    expected = shown(subject, colours, side, side, over_white=over_white)
    difference = compare(drawn[..., : expected.shape[2]], expected)
    _require_picture("Chromium", difference)
    return [f"in Chromium: {difference}"]


def fitted(subject: Subject, width: int, height: int) -> tuple[tuple[float, float], float]:
    """Return the middle of a picture, and the pixels for each of its own where all of it fits."""
    size = subject.frame.size
    return (size[0] / 2, size[1] / 2), min(width / size[0], height / size[1])


def shown(
    subject: Subject, colours: Colours, width: int, height: int, *, over_white: bool = False
) -> Pixels:
    """Return the picture that a page shows: uint8 (height, width, 3 or 4).

    Parameters
    ----------
    subject : Subject
    colours : callable
        Returns the outputs for inputs of the network.
    width, height : int
        The whole picture is in the middle of these, as large as fits.
    over_white : bool
        Whether what is transparent is white.
    """
    _, scale = fitted(subject, width, height)
    halves = [
        count / scale / side / 2
        for count, side in zip((width, height), subject.frame.size, strict=True)
    ]
    region = 0.5 - halves[0], 0.5 - halves[1], 0.5 + halves[0], 0.5 + halves[1]
    values = colours(subject.inputs(width, height, region)).reshape(height, width, -1)
    clipped: npt.NDArray[Any] = np.clip(_f32(values), 0.0, 1.0)
    if subject.channels == 1:
        clipped = np.repeat(clipped, 3, axis=2)
    if over_white and subject.channels == 4:
        clipped = 1.0 - clipped[..., 3:] * (1.0 - clipped[..., :3])
    if subject.inverted:
        clipped[..., :3] = 1.0 - clipped[..., :3]
    return to_uint8(clipped)


def _require_picture(who: str, difference: Drawn) -> None:
    if difference.most > _MOST_LEVELS or difference.equal < _LEAST_EQUAL:
        raise FitImageError(f"nothing written: {who} draws another picture: {difference}")


def _f32(values: npt.NDArray[Any]) -> FloatArray:
    return values.astype(np.float32)
