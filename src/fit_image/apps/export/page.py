"""``.html``: a page that draws a network on the graphics processor of whoever opens it.

The weights are a texture of floats. A layer is a pass: its fragments are groups of four units at a
pixel, and what they give are the bits of four floats, because WebGL 2 draws to textures of whole
numbers everywhere, to textures of floats only where an extension is. The picture comes in small
tiles, coarse pixels first, so that no pass keeps the processor for long.
"""

from __future__ import annotations

import base64
import html
import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.apps.export.activations import Constants, activation_text
from fit_image.apps.export.glsl import IN_GLSL, evaluated, functions_for
from fit_image.apps.export.plain import (
    Exact,
    Level,
    PlainEncoding,
    PlainGrid,
    PlainInputs,
    PlainLayer,
    PlainNetwork,
    PlainWaves,
    shape_text,
)
from fit_image.apps.export.subject import Subject
from fit_image.errors import InputError
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.version import __version__

MOST_NUMBERS = 1 << 24
"""Of a texture that every graphics processor takes, of 2048 x 2048 texels."""

_MOST_LEVELS = 64
_LARGEST_HALF = 65504.0


def write_page(subject: Subject, *, half: bool = False) -> bytes:
    """Return the page; `InputError` if it cannot hold the network.

    ``half`` writes weights and tables as floats of 16 bits.
    """
    plain = subject.plain
    if plain.numbers > MOST_NUMBERS:
        problem = f"a page holds at most {MOST_NUMBERS:,} weights, not {plain.numbers:,}"
        raise InputError(f"{problem}: choose .onnx or .safetensors")
    numbers = _numbers(plain)
    if half and np.abs(numbers).max() > _LARGEST_HALF:
        raise InputError(
            f"a weight is above {_LARGEST_HALF:g}, which 16 bits end at", fields=("half",)
        )
    model = _model(subject, half)
    names = ["painter.js", *(["latents.js"] if subject.latents else []), "view.js"]
    parts = {
        "version": __version__,
        "title": html.escape(subject.title),
        "facts": html.escape(_facts(subject)),
        "style": _code("page.css"),
        "latents": _file("latents.html") if subject.latents else "",
        # Of scripts, no text may contain the end.
        "model": json.dumps(model, separators=(",", ":")).replace("<", "\\u003c"),
        "exact": _text_of(_exact_numbers(subject)),
        "numbers": _text_of(numbers.astype(np.float16) if half else numbers),
        "script": "\n".join(_code(name) for name in names),
    }
    page = re.sub(r"\{(\w+)\}", lambda match: parts[match[1]], _file("page.html"))
    return page.encode("utf-8", "backslashreplace")


def evaluate_page(page: bytes, inputs: FloatArray) -> Exact:
    """Return the outputs of the network in a page, from its numbers and expressions."""
    text = page.decode("utf-8")
    (model,) = (json.loads(each) for each in _script(text, "application/json", "model"))
    exact, numbers = (
        np.frombuffer(base64.b64decode(each), dtype)
        for name, dtype in (("exact", "<f4"), ("numbers", "<f2" if model["half"] else "<f4"))
        for each in _script(text, "text/plain", name)
    )
    numbers = numbers.astype(np.float32)
    layers = []
    for fan_in, units, skip, _ in model["layers"]:
        weights, biases, numbers = np.split(numbers, [units * fan_in, units * (fan_in + 1)])
        shape = weights.reshape(units, fan_in), biases
        layers.append(PlainLayer(*shape, "", Constants(0.0, 0.0, 0.0), skip))
    encoding: PlainEncoding = PlainInputs(inputs.shape[1])
    if "levels" in model:
        levels = [
            Level(x, y, max(row, 0), first, max(-row, 0)) for x, y, row, first in model["levels"]
        ]
        encoding = PlainGrid(tuple(levels), numbers.reshape(-1, model["features"]))
    elif model["own"]:
        encoding = PlainWaves(exact[: model["own"]].reshape(-1, 2))
    expressions = [model["activations"][index] for *_, index in model["layers"]]
    return PlainNetwork(encoding, tuple(layers)).evaluate(
        inputs, lambda index, sums: evaluated(expressions[index], s=sums)
    )


def is_half(page: bytes) -> bool:
    """Return whether the weights of a page have 16 bits."""
    return b'"half":true' in page


def _script(text: str, kind: str, name: str) -> list[str]:
    return re.findall(rf'<script type="{kind}" id="{name}">(.*?)</script>', text, re.DOTALL)


def _model(subject: Subject, half: bool) -> dict[str, Any]:
    """Return the facts that the script of the page reads besides numbers."""
    plain, frame, latents = subject.plain, subject.frame, subject.latents
    expressions = [
        activation_text(layer.activation, IN_GLSL, layer.constants, "s") for layer in plain.layers
    ]
    activations = [*dict.fromkeys(expressions)]
    layers = [
        (layer.weights.shape[1], len(layer.biases), layer.skip, activations.index(expression))
        for layer, expression in zip(plain.layers, expressions, strict=True)
    ]
    encoding, encode = _encoding(plain.encoding, frame.names)
    model: dict[str, Any] = {
        "layers": layers,
        "activations": activations,
        "half": half,
        "channels": subject.channels,
        "inverted": int(subject.inverted),
        **{name: getattr(frame, name) for name in ("size", "centre", "unit")},
        **encoding,
        "encode": encode,
        "functions": functions_for(encode + " ".join(activations)),
    }
    if latents:
        model["latents"] = {
            "first": latents.first,
            "factor": latents.factor,
            "values": [float(str(value)) for value in latents.values],
            "classes": latents.names,
            "components": latents.means.shape[1],
            "spread": latents.spread,
            "label": latents.label,
        }
    return model


def _encoding(encoding: PlainEncoding, names: tuple[str, ...]) -> tuple[dict[str, Any], str]:
    """Return the facts of an encoding that the script reads, and its function in GLSL."""
    match encoding:
        case PlainWaves():
            return {"own": encoding.frequencies.size}, _code("waves.glsl")
        case PlainGrid():
            if len(encoding.levels) > _MOST_LEVELS:
                raise InputError(f"a page holds grids of at most {_MOST_LEVELS} levels")
            levels = [
                (each.cells_x, each.cells_y, each.row or -each.entries, each.first)
                for each in encoding.levels
            ]
            shape = {"levels": levels, "features": encoding.table.shape[1], "own": 0}
            return shape, _code("grid.glsl")
        case PlainInputs():
            kinds = [("x", "y", "r").index(name) for name in names]
            return {"kinds": (*kinds, 0, 0)[:3], "own": 0}, _code("none.glsl")


def _numbers(plain: PlainNetwork) -> FloatArray:
    """Return weights and biases layer by layer, then tables."""
    parts = [each.ravel() for layer in plain.layers for each in (layer.weights, layer.biases)]
    if isinstance(plain.encoding, PlainGrid):
        parts.append(plain.encoding.table.ravel())
    return np.concatenate(parts)


def _exact_numbers(subject: Subject) -> FloatArray:
    """Return the numbers never written in 16 bits: frequencies, or statistics of latents."""
    encoding, latents = subject.plain.encoding, subject.latents
    if isinstance(encoding, PlainWaves):
        return encoding.frequencies.ravel()
    if latents and len(latents.names) > 1:
        return np.concatenate((latents.means.ravel(), latents.deviations.ravel()))
    return np.empty(0, np.float32)


def _facts(subject: Subject) -> str:
    hidden = shape_text(subject.plain.layers)
    layers = f", hidden layers {hidden}" if hidden else ""
    return f"{subject.origin}, drawn by {subject.plain.numbers:,} weights{layers}"


def _text_of(numbers: npt.NDArray[Any]) -> str:
    little = numbers.astype(numbers.dtype.newbyteorder("<"))
    return base64.b64encode(little.tobytes()).decode("ascii")


@cache
def _file(name: str) -> str:
    return (files("fit_image.apps.export") / "page" / name).read_text("utf-8")


@cache
def _code(name: str) -> str:
    """Return a file without whole lines of comment, indentation, and spaces beside signs."""
    lines = (line.strip() for line in _file(name).splitlines())
    text = "\n".join(line for line in lines if line and not line.startswith(("//", "/*")))
    return re.sub(r'("[^"\n]*")| ?([=*/<>?:,;{}()&|]) ?', lambda found: found[1] or found[2], text)
