"""Networks of layers of any kind, and the gradient back through them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Self

import numpy as np

from fit_image.nn.kernels.addition import add_kernel
from fit_image.nn.layers.layer import GradMode, Layer, Shape
from fit_image.nn.network_cache import NetworkCache as NetworkCache
from fit_image.nn.runtime import arrays
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.threads import ThreadPool

_LINE = arrays.LANES * 4  # bytes


class Network:
    """A sequence of layers, and the parameters of all.

    Parameters
    ----------
    layers : sequence of Layer
        At least one. The output of each has the shape of the next one's input. A layer stands
        behind that which it is tied to. Residual blocks may lie in each other, but not overlap.

    Attributes
    ----------
    parameters : float32 vector
        Those of all layers, one after the other. Starts as zeros.

    Raises
    ------
    ValueError
        If there is no layer, shapes do not match, a residual block does not fit, or a layer is
        tied to one that does not precede it.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = tuple(layers)
        if not self.layers:
            raise ValueError("a network needs at least one layer")
        for before, after in itertools.pairwise(self.layers):
            if before.out_shape != after.in_shape:
                raise ValueError(
                    f"an output of shape {before.out_shape} does not fit an input of shape"
                    f" {after.in_shape}"
                )
        self._block_begins = _block_begins(self.layers)
        self._owners = [self._owner(index) for index in range(len(self.layers))]
        sizes = [arrays.padded_size(layer.size) for layer in self.layers]
        self._starts: list[int] = [0, *np.cumsum(sizes).tolist()]
        self.parameters = arrays.aligned_zeros(self._starts[-1])

    @property
    def in_shape(self) -> Shape:
        """Shape of an input sample."""
        return self.layers[0].in_shape

    @property
    def out_shape(self) -> Shape:
        """Shape of an output sample."""
        return self.layers[-1].out_shape

    @property
    def num_params(self) -> int:
        """Number of parameters, without padding."""
        return sum(layer.num_params for layer in self.layers)

    def init_params(self, rng: np.random.Generator) -> Self:
        """Draw the initial parameters of every layer."""
        for index, layer in enumerate(self.layers):
            layer.init_params(self.part(self.parameters, index), rng)
        return self

    def part(self, vector: FloatArray, index: int) -> FloatArray:
        """Return a layer's span of a vector shaped like ``parameters``, as a view.

        A tied layer has the span of the layer that it is tied to.
        """
        owner = self._owners[index]
        start = self._starts[owner]
        return vector[start : start + self.layers[owner].size]

    def start(self, index: int) -> int:
        """Return where a layer's span of the parameters begins."""
        return self._starts[self._owners[index]]

    def is_padded(self, vector: FloatArray) -> bool:
        """Return whether a vector shaped like ``parameters`` is zero in the padding of layers."""
        rest = vector.copy()
        for index, layer in enumerate(self.layers):
            for values in layer.named_params(self.part(rest, index)).values():
                values[...] = 0.0
        return not rest.any()

    def zeros(self) -> FloatArray:
        """Return a vector for a gradient: shaped like ``parameters``, and aligned for kernels."""
        return arrays.aligned_zeros(self.parameters.size)

    def make_cache(
        self, batch_size: int, pool: ThreadPool, *, training: bool = True
    ) -> NetworkCache:
        """Return memory for batches of at most ``batch_size`` samples, and the threads for them.

        Parameters
        ----------
        training : bool
            Whether `backward` follows `forward`. If not, an output is kept only for as long as a
            layer needs it, so that a deep network takes no more memory than a shallow one.
        """
        params = [self.part(self.parameters, index) for index in range(len(self.layers))]
        return NetworkCache(self.layers, params, batch_size, pool, training=training)

    def forward(
        self, x: FloatArray, cache: NetworkCache, rng: np.random.Generator | None = None
    ) -> FloatArray:
        """Compute the output of a batch, and keep in ``cache`` what `backward` needs.

        Parameters
        ----------
        x : float32 (batch, *in_shape)
            Not to be changed before `backward`; at most as many samples as the cache was made for.
        cache : NetworkCache
        rng : numpy.random.Generator, optional
            Given during training; see `fit_image.nn.layers.layer.Call`.

        Returns
        -------
        float32 (batch, *out_shape)
            Memory of the cache: the next batch overwrites it.

        Raises
        ------
        ValueError
            If samples have another shape, or are more than the cache was made for.
        """
        cache.begin(np.ascontiguousarray(x, dtype=np.float32), rng)
        for index, (layer, call) in enumerate(zip(self.layers, cache.calls, strict=True)):
            call.skip = cache.calls[index + 1 - layer.skip].x if layer.skip else None
            layer.forward(call)
            if call.skip is not None and not layer.adds_skip:
                _add(call.pool, call.skip, call.y)
        return cache.output

    def backward(
        self,
        cache: NetworkCache,
        grad_y: FloatArray,
        grads: FloatArray | None = None,
        mode: GradMode = GradMode.WRITE,
        *,
        to_input: bool = False,
    ) -> FloatArray | None:
        """Propagate the gradient of the loss back through the layers.

        Parameters
        ----------
        cache : NetworkCache
            As `forward` left it; only once, because part of it is overwritten.
        grad_y : float32 (batch, *out_shape)
            Gradient with respect to the output. If it is the cache's own ``grad_output``, it is not
            copied.
        grads : float32 vector, optional
            From `zeros`: receives the gradient with respect to the parameters, summed over the
            batch. Without, it is not computed.
        mode : GradMode
            `GradMode.WRITE` or `GradMode.ADD`.
        to_input : bool
            Whether the gradient with respect to the input is computed.

        Returns
        -------
        float32 (batch, *in_shape) or None
            The gradient with respect to the input, in memory of the cache.

        Raises
        ------
        ValueError
            If ``grads`` is not like a vector from `zeros`, or the cache was made without training.
        """
        if grads is None:
            mode = GradMode.SKIP
        else:
            aligned = grads.size == 0 or grads.ctypes.data % _LINE == 0
            if grads.shape != self.parameters.shape or not aligned:
                raise ValueError("the gradient must be a vector from the network's zeros()")
        for index, call in enumerate(cache.calls):
            call.grads = None if grads is None else self.part(grads, index)
        return self._propagate(cache, grad_y, mode, [1.0] * len(self.layers), to_input)

    def descend(self, cache: NetworkCache, grad_y: FloatArray, rates: Sequence[float]) -> None:
        """Take a step of plain gradient descent: `backward`, and ``parameters -= rate gradient``.

        The gradient is never stored: every layer changes its parameters after their last use.
        Layers must not be tied: parameters that an earlier layer reads would have changed before.

        Parameters
        ----------
        cache, grad_y
            As in `backward`.
        rates : sequence of float
            Learning rate of each layer.

        Raises
        ------
        ValueError
            If there are not as many rates as layers, or if layers are tied: parameters that an
            earlier layer reads would have changed before.
        """
        if len(rates) != len(self.layers):
            raise ValueError(
                f"{len(rates)} rates are not one for each of {len(self.layers)} layers"
            )
        if any(layer.tied_to is not None for layer in self.layers):
            raise ValueError("tied layers cannot change their parameters one by one")
        scales = [-float(rate) for rate in rates]
        self._propagate(cache, grad_y, GradMode.DESCEND, scales, to_input=False)

    def _propagate(
        self,
        cache: NetworkCache,
        grad_y: FloatArray,
        mode: GradMode,
        scales: Sequence[float],
        to_input: bool,
    ) -> FloatArray | None:
        grads_y = cache.grads_y
        if not grads_y:
            raise ValueError("the cache was made without training")
        if grad_y is not grads_y[-1]:
            grads_y[-1][:] = grad_y
        # Below the first layer with parameters, nothing needs a gradient.
        sizes = [layer.size for layer in self.layers]
        last = 0 if to_input else next((k for k, size in enumerate(sizes) if size), len(sizes))
        # Tied layers add to their common span, in whatever order they come.
        shared = {owner for index, owner in enumerate(self._owners) if owner != index}
        if mode is GradMode.WRITE:
            for owner in shared:
                grads = cache.calls[owner].grads
                assert grads is not None
                grads[:] = 0.0
        kept = []  # gradients with respect to the outputs of the residual blocks under way
        for index in reversed(range(last, len(self.layers))):
            if self.layers[index].skip:
                kept.append(grads_y[index + 1])
            adds = mode is GradMode.WRITE and self._owners[index] in shared
            self.layers[index].backward(
                cache.calls[index],
                grads_y[index + 1],
                grads_y[index] if index > last or to_input else None,
                GradMode.ADD if adds else mode,
                scales[index],
            )
            for _ in range(self._block_begins.count(index)):
                grad_skip = kept.pop()
                if index > last or to_input:
                    _add(cache.calls[index].pool, grad_skip, grads_y[index])
        return grads_y[0] if to_input else None

    def _owner(self, index: int) -> int:
        """Return the layer whose span of a vector a layer uses, which may be itself."""
        tied_to = self.layers[index].tied_to
        if tied_to is None:
            return index
        for earlier, layer in enumerate(self.layers[:index]):
            if layer is tied_to:
                return earlier
        raise ValueError("a layer must be tied to an earlier layer of the network")


def _add(pool: ThreadPool, source: FloatArray, target: FloatArray) -> None:
    pool.run_kernel(add_kernel, source.reshape(-1), target.reshape(-1))


def _block_begins(layers: Sequence[Layer]) -> list[int]:
    """Return the first layers of all residual blocks.

    Raises
    ------
    ValueError
        If blocks overlap, or do not fit.
    """
    begins: list[int] = []
    ends: list[int] = []
    for index, layer in enumerate(layers):
        if layer.skip:
            first = index + 1 - layer.skip
            if first < 0 or any(
                begin < first <= end for begin, end in zip(begins, ends, strict=True)
            ):
                raise ValueError("residual blocks overlap, or begin before the network does")
            if layers[first].in_shape != layer.out_shape:
                raise ValueError(
                    f"an input of shape {layers[first].in_shape} of a residual block cannot be "
                    f"added to an output of shape {layer.out_shape}"
                )
            begins.append(first)
            ends.append(index)
    return begins
