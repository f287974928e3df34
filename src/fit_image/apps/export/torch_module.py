"""``.safetensors`` and ``.py``: weights, and a module of PyTorch that loads them."""

from __future__ import annotations

import importlib.util
import json
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.apps.export.activations import Constants, activation_text, functions_in_text
from fit_image.apps.export.plain import (
    Exact,
    Level,
    PlainEncoding,
    PlainGrid,
    PlainInputs,
    PlainLayer,
    PlainNetwork,
    PlainWaves,
)
from fit_image.apps.export.subject import Subject
from fit_image.errors import one_line
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.version import __version__

_IN_TORCH = functions_in_text(
    positive="torch.relu({})",
    negative="-torch.relu(-({}))",
    absolute="torch.abs({})",
    exp="torch.exp({})",
    log="torch.log({})",
    sqrt="torch.sqrt({})",
    sin="torch.sin({})",
    cos="torch.cos({})",
    tanh="torch.tanh({})",
)

_LONGEST_BLOCK = 16

_TYPES = {"F32": "<f4", "I64": "<i8"}

_WAVES = (
    'self.register_buffer("frequencies", torch.empty({0}, {1}))',
    """\
        turns = inputs @ self.frequencies.T
        angles = 2 * torch.pi * (turns - turns.round())
        return torch.cat((angles.cos(), angles.sin()), dim=1)
""",
)
_GRID = (
    'self.register_buffer("levels", torch.empty(5, {0}, dtype=torch.long))\n'
    "        self.table = torch.nn.Parameter(torch.empty({1}, {2}))",
    """\
        across, down, row, first, entries = self.levels
        inside = torch.minimum(inputs % 2, 2 - inputs % 2)
        places = inside[:, :1] * across, inside[:, 1:] * down
        x, y = (p.long().minimum((n - 1).clamp(min=0)) for p, n in zip(places, (across, down)))
        right, below = places[0] - x, places[1] - y
        value = 0
        for i, j in ((0, 0), (1, 0), (0, 1), (1, 1)):
            u, v = (x + i).minimum(across), (y + j).minimum(down)
            hashed = (u ^ (v * 2654435761)) % entries
            entry = first + torch.where(row > 0, v * row + u, hashed)
            weight = (right if i else 1 - right) * (below if j else 1 - below)
            value = value + weight[:, :, None] * self.table[entry]
        return value.flatten(1)
""",
)


def write_torch(subject: Subject) -> dict[str, bytes]:
    """Return weights and module by their suffixes."""
    return {".safetensors": _weights(subject), ".py": _module(subject).encode()}


def evaluate_weights(data: bytes, inputs: FloatArray) -> Exact:
    """Return the outputs of the network in a file of weights, by its numbers and metadata."""
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    metadata = header.pop("__metadata__")
    arrays = {
        name: np.frombuffer(
            data[start + entry["data_offsets"][0] : start + entry["data_offsets"][1]],
            _TYPES[entry["dtype"]],
        ).reshape(entry["shape"])
        for name, entry in header.items()
    }
    layers = [
        PlainLayer(
            arrays[f"layers.{index}.weight"],
            arrays[f"layers.{index}.bias"],
            activation,
            Constants(*constants),
            skip,
        )
        for index, (activation, constants, skip) in enumerate(json.loads(metadata["layers"]))
    ]
    encoding: PlainEncoding = PlainInputs(inputs.shape[1])
    if "frequencies" in arrays:
        encoding = PlainWaves(arrays["frequencies"])
    elif "table" in arrays:
        levels = tuple(Level(*column) for column in arrays["levels"].T.tolist())
        encoding = PlainGrid(levels, arrays["table"])
    return PlainNetwork(encoding, tuple(layers)).evaluate(inputs)


def run_module(path: Path, inputs: FloatArray) -> FloatArray | None:
    """Run the module of a file; None where PyTorch or safetensors is not installed."""
    if not (importlib.util.find_spec("torch") and importlib.util.find_spec("safetensors")):
        return None
    import torch

    module = runpy.run_path(str(path))["Network"]()
    with torch.no_grad():
        outputs: FloatArray = module(torch.from_numpy(inputs)).numpy()
    return outputs


def _weights(subject: Subject) -> bytes:
    """Return a file in the format of safetensors: the header's length, the header, and numbers."""
    plain = subject.plain
    arrays: dict[str, npt.NDArray[Any]] = {}
    for index, layer in enumerate(plain.layers):
        arrays |= {f"layers.{index}.weight": layer.weights, f"layers.{index}.bias": layer.biases}
    match plain.encoding:
        case PlainWaves(frequencies):
            arrays["frequencies"] = frequencies
        case PlainGrid(levels, table):
            arrays |= {"levels": np.array(levels, np.int64).T, "table": table}
    # Aligned, whatever comes first: numbers of eight bytes.
    arrays = dict(sorted(arrays.items(), key=lambda item: -item[1].itemsize))
    layers = [(layer.activation, layer.constants, layer.skip) for layer in plain.layers]
    header: dict[str, Any] = {
        "__metadata__": {
            "format": "pt",
            "fit_image": __version__,
            "origin": subject.origin,
            "inputs": subject.input_text,
            "layers": json.dumps(layers),
        }
    }
    end, names = 0, {np.dtype(kind): name for name, kind in _TYPES.items()}
    for name, array in arrays.items():
        start, end = end, end + array.nbytes
        shape = {"dtype": names[array.dtype], "shape": array.shape, "data_offsets": (start, end)}
        header[name] = shape
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    data = (np.ascontiguousarray(array).tobytes() for array in arrays.values())
    return b"".join((len(text).to_bytes(8, "little"), text, *data))


def _folded(rows: list[str]) -> list[str]:
    """Return rows of a list as text, with those that repeat once."""
    lines: list[str] = []
    start = 0
    while start < len(rows):
        best = 1, 1  # rows that repeat, how often
        for length in range(1, _LONGEST_BLOCK + 1):
            block, times = rows[start : start + length], 1
            while rows[start + times * length : start + (times + 1) * length] == block:
                times += 1
            if times > 1 and length * times > best[0] * best[1]:
                best = length, times
        length, times = best
        text = ", ".join(rows[start : start + length])
        lines.append(f"*[{text}] * {times}" if times > 1 else text)
        start += length * times
    return lines


def _module(subject: Subject) -> str:
    plain, names, channels = subject.plain, subject.input_names, subject.channels
    shown = names if len(names) <= 4 else [names[0], "...", *names[-3:]]
    expressions = [
        activation_text(layer.activation, _IN_TORCH, layer.constants, "s") for layer in plain.layers
    ]
    functions = {
        text: f"activation_{index}" for index, text in enumerate(dict.fromkeys(expressions))
    }
    defined = "\n\n".join(
        f"def {name}(s):\n    return {text}\n" for text, name in functions.items()
    )
    rows = [
        f"({layer.weights.shape[1]}, {len(layer.biases)}, {functions[text]}, {layer.skip})"
        for layer, text in zip(plain.layers, expressions, strict=True)
    ]
    layers = "\n".join(f"    {line}," for line in _folded(rows))
    extra, encode = "", ""
    match plain.encoding:
        case PlainWaves(frequencies):
            extra, encode = _WAVES[0].format(*frequencies.shape), _WAVES[1]
        case PlainGrid(levels, table):
            extra, encode = _GRID[0].format(len(levels), *table.shape), _GRID[1]
    if encode:
        extra, encode = f"        {extra}\n", f"    def encode(self, inputs):\n{encode}\n"
    first = "self.encode(inputs)" if encode else "inputs"
    colours = {1: "grey", 3: "red, green, blue", 4: "red, green, blue, alpha"}[channels]
    return f'''\
"""{one_line(subject.origin).capitalize()} as a function, written by fit-image {__version__}.

The weights are in the .safetensors file beside this one: pip install torch safetensors
"""

from pathlib import Path

import torch
from safetensors.torch import load_file


{defined}

LAYERS = [  # inputs, units, activation, layers of the residual block that ends here
{layers}
]


class Network(torch.nn.Module):
    """From {", ".join(shown)} to {colours}: (samples, {len(names)}) to (samples, {channels})."""

    def __init__(self, weights=Path(__file__).with_suffix(".safetensors")):
        super().__init__()
        self.layers = torch.nn.ModuleList(torch.nn.Linear(i, n) for i, n, _, _ in LAYERS)
{extra}        self.load_state_dict(load_file(weights))

{encode}    def forward(self, inputs):
        values = [{first}]
        for linear, (_, _, activation, skip) in zip(self.layers, LAYERS):
            value = activation(linear(values[-1]))
            values.append(value + values[-skip] if skip else value)
        return values[-1]
'''
