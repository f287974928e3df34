"""``.glsl``: a shader with all weights in its text, as shadertoy.com takes them."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Any

import numpy as np

from fit_image.apps.export.activations import activation_text, number_text
from fit_image.apps.export.glsl import IN_GLSL, evaluated, functions_for
from fit_image.apps.export.plain import (
    Exact,
    Level,
    PlainGrid,
    PlainInputs,
    PlainNetwork,
    PlainWaves,
)
from fit_image.apps.export.subject import Subject
from fit_image.errors import InputError, one_line
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.version import __version__

MOST_NUMBERS = 1 << 12
"""Beyond, compilers of shaders take minutes, or give up."""

_COLOURS = {1: "c.rrr", 3: "c.rgb", 4: "mix(vec3(1.0), c.rgb, c.a)"}
"""By the number of channels; what is transparent is white."""


def write_shader(subject: Subject) -> bytes:
    """Return the shader; `InputError` if there are too many weights.

    Latents are those that the subject begins with.
    """
    plain, frame = _fixed(subject), subject.frame
    count = plain.numbers
    if isinstance(plain.encoding, PlainWaves):
        count += plain.encoding.frequencies.size
    if count > MOST_NUMBERS:
        problem = f"a .glsl shader holds at most {MOST_NUMBERS:,} weights, not {count:,}"
        raise InputError(f"{problem}: choose .html")
    body = _network(plain, frame.names)
    colour = _COLOURS[subject.channels]
    if subject.inverted:
        colour = f"1.0 - {colour}"
    text = f"""\
// {one_line(subject.title)}: {subject.origin}, drawn by {plain.numbers:,} weights.
// Written by fit-image {__version__}; on shadertoy.com, this is the whole of an Image.
{_table(plain)}{functions_for(body)}{body}
void mainImage(out vec4 fragColor, in vec2 fragCoord) {{
    vec2 size = {_vector(frame.size)};
    vec2 from = (fragCoord - 0.5 * iResolution.xy) * vec2(1.0, -1.0);
    vec2 place = 0.5 * size + from / min(iResolution.x / size.x, iResolution.y / size.y);
    vec2 p = (place - {_vector(frame.centre)}) * {_vector(frame.unit)};
    vec4 c = clamp(network({_arguments(frame.names)}), 0.0, 1.0);
    fragColor = vec4({colour}, 1.0);
}}
"""
    return text.encode("utf-8", "backslashreplace")


def evaluate_shader(shader: bytes, names: tuple[str, ...], coordinates: FloatArray) -> Exact:
    """Return the values of ``network`` of a shader (pixels, 4), by evaluating its statements.

    Parameters
    ----------
    shader : bytes
    names : tuple of str
        Of the coordinates.
    coordinates : float32 (pixels, coordinates)
    """
    text = shader.decode("utf-8")
    table = re.search(r"^const float table.*?\((.*)\);$", text, re.MULTILINE)
    entries = np.array(table[1].split(","), np.float32) if table else np.empty(0, np.float32)

    def grid(x: Exact, y: Exact, level: tuple[int, int, int, int]) -> Exact:
        cells_x, cells_y, row, first = level
        one = Level(cells_x, cells_y, max(row, 0), first, max(-row, 0))
        return PlainGrid((one,), entries[:, np.newaxis]).encode(np.stack((x, y), axis=1))[:, 0]

    columns = dict(zip(names, coordinates.astype(np.float64).T, strict=True))
    known: dict[str, Any] = {
        **{"vec4": _stacked, "mat4": _Matrix, "ivec4": lambda *parts: parts, "grid": grid},
        **columns,
    }
    for name, expression in re.findall(r"^vec4 (\w+)\(vec4 s\) \{ return (.*); \}$", text, re.M):
        known[name] = lambda s, expression=expression: evaluated(expression, s=s)
    (body,) = re.findall(r"^vec4 network\([^)]*\) \{\n(.*?)^\}", text, re.M | re.DOTALL)
    for name, expression in re.findall(r"^    (?:vec4 )?(\w+)(?: =)? (.*);$", body, re.MULTILINE):
        known[name] = evaluated(expression, **known)
    value: Exact = np.broadcast_to(known["return"], (4, len(coordinates))).T
    return value


def harness(shader: bytes) -> bytes:
    """Return a page that draws a shader, for `fit_image.apps.export.browser.draw_page`."""
    page = (files("fit_image.apps.export") / "page" / "harness.html").read_text("utf-8")
    return page.replace("{shader}", shader.decode("utf-8").replace("</", "<\\/")).encode()


class _Matrix:
    """A mat4: its numbers are columns."""

    def __init__(self, *numbers: float) -> None:
        self._columns = np.reshape(numbers, (4, 4))

    def __mul__(self, vector: Exact) -> Exact:
        product: Exact = self._columns.T @ vector
        return product


def _stacked(*parts: Any) -> Exact:
    return np.stack(np.broadcast_arrays(*map(np.atleast_1d, parts)))


def _fixed(subject: Subject) -> PlainNetwork:
    """Return the network of the coordinates alone."""
    latents = subject.latents
    if latents is None:
        return subject.plain
    values = latents.values * np.float32(latents.factor)
    return subject.plain.at_latents(values, latents.first)


def _network(plain: PlainNetwork, names: tuple[str, ...]) -> str:
    """Return the functions of activations and of the network."""
    expressions = [
        activation_text(layer.activation, IN_GLSL, layer.constants, "s") for layer in plain.layers
    ]
    functions = {
        text: f"activation{index}" for index, text in enumerate(dict.fromkeys(expressions))
    }
    lines = [f"vec4 {name}(vec4 s) {{ return {text}; }}" for text, name in functions.items()]
    lines.append(f"vec4 network({', '.join(f'float {name}' for name in names)}) {{")
    lines += [f"    vec4 v0_{index} = {text};" for index, text in enumerate(_inputs(plain, names))]
    for index, (layer, expression) in enumerate(zip(plain.layers, expressions, strict=True)):
        units, fan_in = (-(-count // 4) for count in layer.weights.shape)
        outputs, inputs = layer.weights.shape
        # Units beyond are the last one's likes: an activation may be infinite at 0.
        padding = (0, 4 * units - outputs)
        weights = np.pad(layer.weights, (padding, (0, 0)), mode="edge")
        weights = np.pad(weights, ((0, 0), (0, 4 * fan_in - inputs)))
        biases = np.pad(layer.biases, padding, mode="edge")
        for unit in range(units):
            rows = weights[4 * unit : 4 * unit + 4]
            terms = [
                f"mat4({_numbers(rows[:, 4 * each : 4 * each + 4].T.ravel())}) * v{index}_{each}"
                for each in range(fan_in)
            ]
            sums = " + ".join([*terms, f"vec4({_numbers(biases[4 * unit : 4 * unit + 4])})"])
            skip = f" + v{index + 1 - layer.skip}_{unit}" if layer.skip else ""
            value = f"{functions[expression]}({sums}){skip}"
            lines.append(f"    vec4 v{index + 1}_{unit} = {value};")
    lines += [f"    return v{len(plain.layers)}_0;", "}", ""]
    return "\n".join(lines)


def _inputs(plain: PlainNetwork, names: tuple[str, ...]) -> list[str]:
    """Return encoded inputs as texts of vectors."""
    match plain.encoding:
        case PlainInputs():
            return [f"vec4({', '.join([*names, '0.0', '0.0', '0.0'][:4])})"]
        case PlainWaves(frequencies):
            count = len(frequencies)
            rows = np.zeros((-(-count // 2) * 4, 3), np.float32)
            rows[: 2 * count, :2] = np.tile(frequencies, (2, 1))
            rows[count:, 2] = 0.25
            return [
                f"waves(x * vec4({_numbers(x)}) + y * vec4({_numbers(y)}), vec4({_numbers(less)}))"
                for x, y, less in rows.reshape(-1, 4, 3).transpose(0, 2, 1)
            ]
        case PlainGrid(levels, table):
            # Of the table as numbers, a level has as many as entries times features.
            count = table.shape[1]
            starts = np.cumsum([0, *(each.entries * count for each in levels)])
            calls = [
                f"grid(x, y, ivec4({each.cells_x}, {each.cells_y}, {each.row or -each.entries}, "
                f"{start + feature * each.entries}))"
                for each, start in zip(levels, starts, strict=False)
                for feature in range(count)
            ]
            calls += ["0.0"] * (-len(calls) % 4)
            return [f"vec4({', '.join(calls[i : i + 4])})" for i in range(0, len(calls), 4)]


def _table(plain: PlainNetwork) -> str:
    """Return the table of a hash grid: of each level one feature of all entries after the other."""
    if not isinstance(plain.encoding, PlainGrid):
        return ""
    parts = [
        plain.encoding.table[each.first : each.first + each.entries].T.ravel()
        for each in plain.encoding.levels
    ]
    numbers = np.concatenate(parts)
    return f"const float table[{numbers.size}] = float[]({_numbers(numbers)});\n"


def _numbers(values: FloatArray) -> str:
    return ", ".join(map(number_text, values))


def _vector(values: tuple[float, float]) -> str:
    return f"vec2({number_text(values[0])}, {number_text(values[1])})"


def _arguments(names: tuple[str, ...]) -> str:
    return ", ".join({"x": "p.x", "y": "p.y", "r": "length(p)"}[name] for name in names)
