"""Functions of GLSL that shaders of all kinds are made of, and their twins in numpy.

The sine and the hyperbolic tangent of graphics processors are good to four digits on some of them,
and the latter is no number for large arguments on others. Those here are the polynomials of
`fit_image.nn.kernels.vector_math`, of vectors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fit_image.apps.export.activations import functions_in_text

IN_GLSL = functions_in_text(
    positive="max({}, 0.0)",
    negative="min({}, 0.0)",
    absolute="abs({})",
    exp="exp({})",
    log="log({})",
    sqrt="sqrt({})",
    sin="sine({})",
    cos="cosine({})",
    tanh="hyperbolic_tangent({})",
)

# sin(x - h pi) for a whole or half number h near x / pi, negative where n is odd.
_WAVES = """\
vec4 reduced_sine(vec4 x, vec4 h, vec4 n) {
    vec4 r = ((x - h * 3.140625) - h * 9.6750259e-4) - h * 1.5099580e-7;
    r *= 1.0 - 2.0 * (n - 2.0 * floor(0.5 * n));
    vec4 u = r * r;
    return r + r * u * (-0.16666657 + u * (8.333016e-3 + u * (-1.9806529e-4 + u * 2.5998618e-6)));
}
vec4 sine(vec4 x) {
    vec4 n = floor(x * 0.31830987 + 0.5);
    return reduced_sine(x, n, n);
}
vec4 cosine(vec4 x) {
    vec4 n = floor(x * 0.31830987);
    return -reduced_sine(x, n + 0.5, n);
}
"""

_TANGENT = """\
vec4 hyperbolic_tangent(vec4 x) {
    x = clamp(x, -8.0, 8.0);
    vec4 u = x * x;
    vec4 above = 0.13444507 + u * (3.5716086e-3 + u * (2.1894837e-5 + u * 1.5230667e-8));
    vec4 below = 0.46777835 + u * (2.6164483e-2 + u * (3.4113092e-4 + u * 8.5225469e-7));
    return x * (1.0 + u * above) / (1.0 + u * below);
}
"""

_TURNS = """\
vec4 waves(vec4 turns, vec4 less) {
    return cosine(6.2831855 * (turns - floor(turns + 0.5) - less));
}
"""

_GRID = """\
float reflected(float u) {
    u -= 2.0 * floor(0.5 * u);
    return min(u, 2.0 - u);
}
// A level: cells across and down, the vertices of a row (or minus its entries), the first entry.
float feature(ivec4 level, ivec2 vertex) {
    uint hashed = (uint(vertex.x) ^ (uint(vertex.y) * 2654435761u)) & uint(-level.z - 1);
    return table[level.w + (level.z > 0 ? vertex.y * level.z + vertex.x : int(hashed))];
}
float grid(float x, float y, ivec4 level) {
    vec2 place = vec2(reflected(x), reflected(y)) * vec2(level.xy);
    ivec2 cell = clamp(ivec2(place), ivec2(0), max(level.xy - 1, 0));
    ivec2 next = min(cell + 1, level.xy);
    vec2 ahead = place - vec2(cell);
    return mix(
        mix(feature(level, cell), feature(level, ivec2(next.x, cell.y)), ahead.x),
        mix(feature(level, ivec2(cell.x, next.y)), feature(level, next), ahead.x),
        ahead.y);
}
"""

_LIBRARY = {
    "sine": (_WAVES,),
    "cosine": (_WAVES,),
    "waves": (_WAVES, _TURNS),
    "hyperbolic_tangent": (_TANGENT,),
    "grid": (_GRID,),
}

TWINS: dict[str, Callable[..., Any]] = {
    "max": np.maximum,
    "min": np.minimum,
    "abs": np.abs,
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "sine": np.sin,
    "cosine": np.cos,
    "hyperbolic_tangent": np.tanh,
    "waves": lambda turns, less: np.cos(2.0 * np.pi * (turns - np.rint(turns) - less)),
}
"""Functions of arrays that expressions of `IN_GLSL` call."""


def functions_for(code: str) -> str:
    """Return the functions that code in GLSL calls."""
    called = [text for name, texts in _LIBRARY.items() if f"{name}(" in code for text in texts]
    return "".join(dict.fromkeys(called))


def evaluated(expression: str, **names: Any) -> Any:
    """Return the value of an expression of GLSL that is one of Python, too.

    ``names`` are what it uses beside `TWINS`. It must be one that this program has written.
    """
    return eval(expression, {"__builtins__": {}, **TWINS, **names})
