"""Parse and format layers, initialisations, durations and JPEG qualities."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fit_image.config.registry import ACTIVATIONS, INITS
from fit_image.errors import InputError, quoted

MAX_WIDTH = 65_536
MAX_LAYERS = 1_000

LARGEST_RATE = 1e6
"""Upper limit of rates and scales: far beyond use, far within float32."""

LONGEST_TIME = 1e9
"""Upper limit of training time, in seconds."""

_LAYER = re.compile(
    r"(?:(?P<count>[0-9]{1,9})[xX])?(?P<width>[0-9]{1,9})(?::(?P<activation>[a-z-]+))?"
)
_BLOCKS = re.compile(r"residual:(?P<blocks>[0-9]{1,9})x(?P<depth>[0-9]{1,9})x(?P<width>[0-9]{1,9})")
_DEVIATION = re.compile(r"normal:(?P<deviation>[0-9.]{1,20}(?:[eE][-+]?[0-9]{1,3})?)")
_QUALITIES = re.compile(r"(?P<low>[0-9]{1,3})(?:-(?P<high>[0-9]{1,3}))?")
_DURATION = re.compile(
    r"(?:(?P<h>[0-9]+(?:\.[0-9]+)?)h)?(?:(?P<m>[0-9]+(?:\.[0-9]+)?)m)?"
    r"(?:(?P<s>[0-9]+(?:\.[0-9]+)?)s?)?"
)


@dataclass(frozen=True)
class Hidden:
    """A hidden layer.

    Attributes
    ----------
    width : int
        Number of units.
    activation : str or None
        A key of `ACTIVATIONS`; None for the network's activation.
    skip : int
        Number of layers of the residual block that ends here, whose input is added to its output;
        0 if none ends.
    """

    width: int
    activation: str | None = None
    skip: int = 0


def parse_layers(text: str) -> tuple[Hidden, ...]:
    """Parse hidden layers from text such as ``4x300``, ``300,200`` or ``2x256:sine,64:tanh``.

    ``residual:24x4x6`` is 24 residual blocks, each of 4 ReLU layers and a tanh layer, 6 units wide,
    preceded by a tanh layer if the layer before has another width. The blocks are those of the
    generator of ``hardmaru/resnet-cppn-gan-tensorflow``.

    Raises
    ------
    InputError
        If a part is invalid; the message quotes it.
    """
    layers: list[Hidden] = []
    for part in text.split(","):
        match = _LAYER.fullmatch(part.strip())
        shown = quoted(part.strip())
        blocks = _BLOCKS.fullmatch(part.strip())
        if blocks:
            layers += _residual(shown, layers, *map(int, blocks.groups()))
            continue
        if not match:
            raise InputError(
                f"{shown} is not a layer: give a width such as 300, or a count and a width "
                "such as 4x300, separated by commas; 4x300:tanh names their activation, "
                "residual:24x4x6 gives residual blocks"
            )
        count, width = int(match["count"] or 1), int(match["width"])
        _check(shown, width, count, len(layers) + count)
        activation = match["activation"]
        if activation is not None and activation not in ACTIVATIONS:
            raise InputError(
                f"{shown}: the activation must be one of {', '.join(ACTIVATIONS)}; an expression "
                "is given by --activation"
            )
        layers += [Hidden(width, activation)] * count
    return tuple(layers)


def check_blocks(layers: Sequence[Hidden]) -> None:
    """Raise `InputError` unless layers with ``skip`` end blocks such as `parse_layers` makes."""
    end = 0
    for index, layer in enumerate(layers):
        if layer.skip:
            before = index - layer.skip
            block = _block(layer.skip - 1, layer.width)
            if (
                layer.skip < 2
                or before < end
                or layers[before].width != layer.width
                or list(layers[before + 1 : index + 1]) != block
            ):
                raise InputError(
                    "a residual block must consist of ReLU layers and a final tanh layer, as wide "
                    "as the layer before it, such as residual:24x4x6"
                )
            end = index


def _block(depth: int, width: int) -> list[Hidden]:
    return [*[Hidden(width, "relu")] * depth, Hidden(width, "tanh", depth + 1)]


def _residual(
    shown: str, before: Sequence[Hidden], blocks: int, depth: int, width: int
) -> list[Hidden]:
    _check(shown, width, min(blocks, depth), len(before) + 1 + blocks * (depth + 1))
    fits = before and before[-1].width == width
    return [*([] if fits else [Hidden(width, "tanh")]), *_block(depth, width) * blocks]


def _check(shown: str, width: int, count: int, layers: int) -> None:
    if not 1 <= width <= MAX_WIDTH:
        raise InputError(f"{shown}: a layer must have 1 to {MAX_WIDTH} units, not {width}")
    if count < 1:
        raise InputError(f"{shown}: the number of layers must be at least 1")
    if layers > MAX_LAYERS:
        raise InputError(f"{shown}: a network can have at most {MAX_LAYERS} hidden layers")


def parse_duration(text: str) -> float:
    """Parse seconds (above 0 to `LONGEST_TIME`) from ``90``, ``60s``, ``2m`` or ``1h30m``.

    Raises
    ------
    InputError
        If it is not a duration, is 0, or exceeds `LONGEST_TIME`.
    """
    match = _DURATION.fullmatch(text.strip()) if len(text) <= 40 else None
    if not match or not any(match.groups()):
        raise InputError(f"{quoted(text)} is not a time such as 90, 60s, 2m or 1h30m")
    units = {"h": 3600.0, "m": 60.0, "s": 1.0}
    seconds = sum(float(match[name] or 0) * unit for name, unit in units.items())
    if not 0 < seconds <= LONGEST_TIME:
        raise InputError(
            f"{quoted(text)}: a time must be above 0, at most {LONGEST_TIME:g} seconds"
        )
    return seconds


def parse_qualities(text: str) -> tuple[int, int]:
    """Parse the lowest and highest JPEG quality (1 to 100) from ``85`` or ``30-90``.

    Raises
    ------
    InputError
        If it is neither, or outside 1 to 100.
    """
    match = _QUALITIES.fullmatch(text)
    if match:
        low = int(match["low"])
        high = int(match["high"] or low)
        if 1 <= low <= high <= 100:
            return low, high
    raise InputError(
        f"{quoted(text)} is not a JPEG quality: give 1 to 100, such as 85, or a range such as 30-90"
    )


def format_layers(layers: tuple[Hidden, ...]) -> str:
    """Return the shortest text that `parse_layers` parses to these layers."""
    parts: list[str] = []
    start = 0
    for end in [index for index, layer in enumerate(layers) if layer.skip]:
        if end < start:
            continue  # one of several equal blocks, already written
        size, width = layers[end].skip, layers[end].width
        first = end + 1 - size
        count = 1
        while layers[first + count * size :][:size] == layers[first : end + 1]:
            count += 1
        # Omit the layer that `parse_layers` inserts.
        fits = first > 1 and layers[first - 2].width == width
        between = layers[first - 1] == Hidden(width, "tanh") and not fits
        parts += _plain(layers[start : first - between])
        parts.append(f"residual:{count}x{size - 1}x{width}")
        start = first + count * size
    return ",".join([*parts, *_plain(layers[start:])])


LAYERS_AS_TEXT = {"to_text": format_layers, "from_text": parse_layers}
"""Metadata of a dataclass field of layers, for `fit_image.storage.dataclass_json`."""


def _plain(layers: Sequence[Hidden]) -> Iterator[str]:
    for layer, group in itertools.groupby(layers):
        count = len(list(group))
        part = f"{count}x{layer.width}" if count > 1 else str(layer.width)
        yield f"{part}:{layer.activation}" if layer.activation else part


def parse_init(text: str) -> tuple[str, float | None]:
    """Parse one of `INITS`: its name, and the standard deviation of ``normal`` (0 to 1e6).

    Raises
    ------
    InputError
        If it is none of these.
    """
    match = _DEVIATION.fullmatch(text)
    with contextlib.suppress(ValueError):
        if match and 0 <= float(match["deviation"]) <= LARGEST_RATE:
            return "normal", float(match["deviation"])
    if match or text not in INITS or text == INITS[-1]:
        raise InputError(
            f"{quoted(text)} is not an initialisation: give one of {', '.join(INITS)}, where STD "
            f"is a standard deviation of 0 to {LARGEST_RATE:g}"
        )
    return text, None
