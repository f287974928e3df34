"""``.onnx``: a network as a graph of operators, of which batches have any size."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.apps.export.activations import ACTIVATIONS, Functions
from fit_image.apps.export.plain import HASH_PRIME, Exact, PlainGrid, PlainInputs, PlainWaves
from fit_image.apps.export.subject import Subject
from fit_image.errors import InputError
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.version import __version__

INPUT, OUTPUT = "inputs", "colours"

MOST_NUMBERS = 1 << 28
"""Of a file, which has at most 2 GB."""

# The first set with exclusive or, and a version of the format that is as old.
_OPERATORS, _FORMAT = 18, 8


def check_onnx() -> None:
    """Raise `InputError` if onnx is not installed."""
    try:
        import onnx  # noqa: F401
    except ImportError:
        raise InputError(".onnx needs onnx: pip install 'fit-image[export]'") from None


def write_onnx(subject: Subject) -> bytes:
    """Return the file; `InputError` if it is too large, or onnx is not installed."""
    check_onnx()
    from onnx import TensorProto, checker, helper

    plain, names = subject.plain, subject.input_names
    if plain.numbers > MOST_NUMBERS:
        problem = f"an .onnx file holds at most {MOST_NUMBERS:,} weights, not {plain.numbers:,}"
        raise InputError(f"{problem}: choose .safetensors")
    graph = _Graph()
    values = [_encoded(graph, plain.encoding, _Value(graph, INPUT))]
    functions = graph.functions()
    for index, layer in enumerate(plain.layers):
        sums = graph.node("Gemm", values[-1], layer.weights, layer.biases, transB=1)
        value = ACTIVATIONS[layer.activation](functions, sums, layer.constants)
        values.append(value + values[index + 1 - layer.skip] if layer.skip else value)
    graph.nodes.append(helper.make_node("Identity", [values[-1].name], [OUTPUT]))
    batch, kind = "batch", TensorProto.FLOAT
    meaning = f"{subject.origin}; inputs: {subject.input_text}"
    whole = helper.make_graph(
        graph.nodes,
        "network",
        [helper.make_tensor_value_info(INPUT, kind, [batch, len(names)])],
        [helper.make_tensor_value_info(OUTPUT, kind, [batch, subject.channels])],
        graph.constants,
        doc_string=meaning,
    )
    model = helper.make_model(
        whole,
        producer_name="fit-image",
        producer_version=__version__,
        doc_string=meaning,
        ir_version=_FORMAT,
        opset_imports=[helper.make_opsetid("", _OPERATORS)],
    )
    checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data


def run_onnx(data: bytes, inputs: FloatArray) -> tuple[str, FloatArray | Exact]:
    """Run a file by onnxruntime, or else onnx; return the program's name, and the outputs."""
    try:
        import onnxruntime
    except ImportError:
        from onnx import load_model_from_string
        from onnx.reference import ReferenceEvaluator

        (outputs,) = ReferenceEvaluator(load_model_from_string(data)).run(None, {INPUT: inputs})
        return "onnx", outputs
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    (outputs,) = session.run(None, {INPUT: inputs})
    return "onnxruntime", outputs


class _Value:
    """The result of a node; operators add nodes."""

    def __init__(self, graph: _Graph, name: str) -> None:
        self._graph = graph
        self.name = name

    def __add__(self, other: Any) -> _Value:
        return self._graph.node("Add", self, other)

    def __sub__(self, other: Any) -> _Value:
        return self._graph.node("Sub", self, other)

    def __rsub__(self, other: Any) -> _Value:
        return self._graph.node("Sub", other, self)

    def __mul__(self, other: Any) -> _Value:
        return self._graph.node("Mul", self, other)

    def __rmul__(self, other: Any) -> _Value:
        return self._graph.node("Mul", other, self)

    def __radd__(self, other: Any) -> _Value:
        return self._graph.node("Add", other, self)

    def __truediv__(self, other: Any) -> _Value:
        return self._graph.node("Div", self, other)

    def __rtruediv__(self, other: Any) -> _Value:
        return self._graph.node("Div", other, self)

    def __neg__(self) -> _Value:
        return self._graph.node("Neg", self)


class _Graph:
    """Nodes and constants of a graph that grows."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def node(self, kind: str, *inputs: _Value | npt.NDArray[Any] | float, **options: Any) -> _Value:
        """Add a node; numbers among its inputs become constants."""
        from onnx import helper

        names = [self.constant(each).name for each in inputs]
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, names, [name], **options))
        return _Value(self, name)

    def constant(self, value: _Value | npt.NDArray[Any] | float) -> _Value:
        """Return numbers as a value; what is one already stays as it is."""
        from onnx import numpy_helper

        if isinstance(value, _Value):
            return value
        array = np.asarray(value, np.float32) if isinstance(value, float) else value
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return _Value(self, name)

    def functions(self) -> Functions:
        """Return the functions of which activations are made."""
        return Functions(
            positive=lambda s: self.node("Relu", s),
            negative=lambda s: self.node("Min", s, 0.0),
            absolute=lambda s: self.node("Abs", s),
            exp=lambda s: self.node("Exp", s),
            log=lambda s: self.node("Log", s),
            sqrt=lambda s: self.node("Sqrt", s),
            sin=lambda s: self.node("Sin", s),
            cos=lambda s: self.node("Cos", s),
            tanh=lambda s: self.node("Tanh", s),
        )


def _encoded(graph: _Graph, encoding: object, inputs: _Value) -> _Value:
    match encoding:
        case PlainInputs():
            return inputs
        case PlainWaves(frequencies):
            turns = graph.node("MatMul", inputs, frequencies.T)
            angles = 2.0 * np.pi * (turns - graph.node("Round", turns))
            return graph.node(
                "Concat", graph.node("Cos", angles), graph.node("Sin", angles), axis=1
            )
        case PlainGrid():
            return _grid(graph, encoding, inputs)
    raise TypeError(type(encoding))


def _grid(graph: _Graph, grid: PlainGrid, inputs: _Value) -> _Value:
    """Add a hash grid; most values are (batch, levels)."""
    levels = np.array(grid.levels, dtype=np.int64)
    cells, (rows, firsts, entries) = levels[:, :2].astype(np.float32), levels[:, 2:].T
    inside = inputs - 2.0 * graph.node("Floor", inputs * 0.5)
    inside = graph.node("Min", inside, 2.0 - inside)
    whole, ahead = [], []
    for axis in range(2):
        column = graph.node("Gather", inside, np.array([axis]), axis=1)
        place = column * cells[:, axis]
        last = np.maximum(cells[:, axis] - 1, 0)
        cell = graph.node("Min", graph.node("Floor", place), last)
        ahead.append(place - cell)
        whole.append(graph.node("Cast", cell, to=7))  # int64
    total, table = None, graph.constant(grid.table)
    for right, below in itertools.product((0, 1), repeat=2):
        x = whole[0] + np.minimum(levels[:, 0], right)
        y = whole[1] + np.minimum(levels[:, 1], below)
        entry = y * rows + x
        if not rows.all():
            mixed = graph.node("BitwiseXor", x, y * np.array(HASH_PRIME))
            hashed = graph.node("BitwiseAnd", mixed, entries - 1)
            entry = graph.node("Where", rows > 0, entry, hashed)
        features = graph.node("Gather", table, entry + firsts, axis=0)
        weight = (ahead[0] if right else 1.0 - ahead[0]) * (ahead[1] if below else 1.0 - ahead[1])
        part = features * graph.node("Unsqueeze", weight, np.array([2]))
        total = part if total is None else total + part
    assert total is not None
    return graph.node("Reshape", total, np.array([0, len(levels) * grid.table.shape[1]]))
