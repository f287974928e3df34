"""Pictures of untrained networks with random weights.

The idea is that of compositional pattern-producing networks (Stanley, "Compositional pattern
producing networks: A novel abstraction of development", 2007); the deep ones of tanh units are
after the article "More MNIST Digits at 1080x1080 Resolution" (2016).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from fit_image.apps.coordinates import INPUTS, centred_coordinates
from fit_image.apps.memory import check_available, training_bytes
from fit_image.apps.rendering import STRIP_PIXELS, render_rows
from fit_image.config.layer_spec import Hidden, check_blocks, parse_layers
from fit_image.config.registry import ACTIVATIONS, CHANNELS
from fit_image.config.settings import check_choice, require
from fit_image.errors import InputError
from fit_image.images.colours import to_uint8
from fit_image.images.decoding import row_strips
from fit_image.nn.mlp.conditioned_mlp import at_latent
from fit_image.nn.mlp.layer_spec import dense_stack
from fit_image.nn.mlp.mlp import MLP


@dataclass(frozen=True)
class Dream:
    """A random network from coordinates to colours; `InputError` if a value is out of its range.

    Attributes
    ----------
    layers : tuple of Hidden
    deviation : float
        Standard deviation of weights and biases, 0 or more.
    activation : str
        A key of `ACTIVATIONS`: of the layers that do not name their own. The output is a sigmoid.
    inputs : tuple of str
        Some of `INPUTS`, each once.
    latent : int
        Number of latent inputs beside the coordinates; they are the same everywhere.
    scale : float
        x and y are 0 in the centre, and plus and minus this at the edges of the shorter side.
    channels : str
        ``rgb`` or ``grey``.
    seed : int
        Of the weights, and of the latents.
    """

    layers: tuple[Hidden, ...] = field(default_factory=lambda: parse_layers("8x64"))
    deviation: float = 0.6
    activation: str = "tanh"
    inputs: tuple[str, ...] = INPUTS
    latent: int = 0
    scale: float = 1.0
    channels: str = "rgb"
    seed: int = 0

    def __post_init__(self) -> None:
        check_blocks(self.layers)
        distinct = len({*self.inputs} & {*INPUTS}) == len(self.inputs) > 0
        problem = f"must be some of {', '.join(INPUTS)}, not {','.join(self.inputs)}"
        require(distinct, "inputs", problem)
        check_choice("activation", self.activation, ACTIVATIONS)
        check_choice("channels", self.channels, ("rgb", "grey"))
        for name in ("deviation", "latent", "scale", "seed"):
            value = getattr(self, name)
            require(0 <= value < math.inf, name, f"must be 0 or more, not {value}")


class Dreamer:
    """Draws a dream, with the same result for any number of threads (default: all cores).

    Attributes
    ----------
    dream : Dream
    network : MLP
        From coordinates and latents to colours.
    latent : float32 (latents,)
        The latents that are drawn.

    Raises
    ------
    InputError
        If the network does not fit in memory.
    """

    def __init__(self, dream: Dream, *, threads: int | None = None) -> None:
        self.dream = dream
        self._threads = threads
        self.channels = CHANNELS[dream.channels]
        layers = dense_stack(
            len(dream.inputs) + dream.latent,
            [layer.width for layer in dream.layers],
            self.channels,
            activations=[
                *(each.activation or dream.activation for each in dream.layers),
                "sigmoid",
            ],
            skips=[*(layer.skip for layer in dream.layers), 0],
        )
        # Weights with the latent inputs, and without.
        parameters = sum(layer.size for layer in layers)
        check_available(training_bytes(parameters, 2), "choose fewer or narrower layers")
        rng = np.random.default_rng(dream.seed)
        self.network = MLP(layers).draw_params(dream.deviation, rng, "normal")
        self._circle = rng.standard_normal((2, dream.latent), dtype=np.float32)
        self.turn(0.0)

    def turn(self, share: float) -> None:
        """Go to a share (0..1) of the way around a circle through the latent space.

        Its plane goes through the origin; 0 and 1 are where a dream begins.
        """
        angle = 2 * math.pi * share
        self.latent = math.cos(angle) * self._circle[0] + math.sin(angle) * self._circle[1]
        self._network = at_latent(self.network, self.latent, len(self.dream.inputs))

    def rows(self, width: int, height: int, top: int, rows: int) -> npt.NDArray[np.uint8]:
        """Draw some rows, from ``top`` on, of a picture of ``width`` x ``height`` pixels.

        Returns uint8 (rows, width, channels).
        """
        # No picture was learned: the shorter side has the length 2, whatever its pixels.
        part = range(top, top + rows)
        coordinates = centred_coordinates((width, height), 2.0, self.dream.scale, part)
        inputs = coordinates[..., [INPUTS.index(name) for name in self.dream.inputs]]
        return to_uint8(render_rows(self._network, inputs, self._threads))


class Sheet:
    """Dreams side by side, row after row, on black; ``width`` and ``height`` are of the whole.

    Raises
    ------
    InputError
        If it is too small for so many.
    """

    def __init__(self, dreamers: Sequence[Dreamer], columns: int, width: int, height: int) -> None:
        rows = -(-len(dreamers) // columns)
        self.channels = dreamers[0].channels
        self.width, self.height = width, height
        gap = max(min(width, height) // 150, 1)
        self._tiles = [
            (
                dreamer,
                _share(width, columns, index % columns, gap),
                _share(height, rows, index // columns, gap),
            )
            for index, dreamer in enumerate(dreamers)
        ]
        if any(len(across) < 1 or len(down) < 1 for _, across, down in self._tiles):
            raise InputError(f"{width}x{height} pixels are too few for {columns}x{rows} pictures")

    def strips(self) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
        """Yield strips from top to bottom: the first row, and uint8 (rows, width, channels)."""
        for rows in row_strips(self.height, self.width, STRIP_PIXELS):
            top = rows.start
            strip = np.zeros((rows.stop - top, self.width, self.channels), np.uint8)
            for dreamer, across, down in self._tiles:
                first, end = max(top, down.start), min(rows.stop, down.stop)
                if first < end:
                    tile = dreamer.rows(len(across), len(down), first - down.start, end - first)
                    strip[first - top : end - top, across.start : across.stop] = tile
            yield top, strip

    def picture(self) -> npt.NDArray[np.uint8]:
        """Return the whole: uint8 (height, width, channels)."""
        return np.concatenate([strip for _, strip in self.strips()])


def _share(length: int, count: int, index: int, gap: int) -> range:
    """Return where one of several equal parts lies, with gaps between them."""
    part = (length + gap) / count
    return range(round(index * part), round((index + 1) * part) - gap)
