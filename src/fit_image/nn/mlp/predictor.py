"""The outputs of a network for very many inputs, which threads share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from fit_image.nn.encodings.base import Identity, Share
from fit_image.nn.kernels.gemm import PANEL
from fit_image.nn.mlp import soa, soa_forward
from fit_image.nn.mlp.cache import MLPCache, predict_kernel
from fit_image.nn.runtime.arrays import FloatArray, aligned_zeros, padded_size
from fit_image.nn.runtime.barrier import Worker, barrier_counts
from fit_image.nn.runtime.machine import usable_cores
from fit_image.nn.runtime.threads import ThreadPool

if TYPE_CHECKING:
    from fit_image.nn.mlp.mlp import MLP

# Numbers held per layer boundary while a tile is drawn: 256 KB, so that a layer's input and output
# stay in the cache. It does not depend on the number of threads, nor does any bit of the output.
_TILE_NUMBERS = 1 << 16

# Encoded inputs that a thread holds at most: 1 MB.
_ENCODED_NUMBERS = 1 << 18

# Multiplications that are worth another thread: they take several times as long as waking it.
_THREAD_WORK = 1 << 24

# Multiplications of the smallest part that a thread takes: a fraction of a millisecond.
_PART_WORK = 1 << 22

OnPart = Callable[[int, FloatArray], None]
"""Called by the thread that has computed a part: its first sample, and the outputs."""


class Predictor:
    """A network prepared to compute the outputs of many samples, again and again.

    Its parameters must stay as they are until that is done.

    Parameters
    ----------
    network : MLP
    samples : int
        As many as there will be, in all.
    threads : int, optional
        At most so many, as far as there is work for them. Default: all cores this process may use.
        Does not change the result.

    Attributes
    ----------
    threads : int
        How many there are.
    pool : ThreadPool
        Of these.
    """

    def __init__(self, network: MLP, samples: int, threads: int | None = None) -> None:
        self.network = network
        worth = 1 + samples * network.num_params // _THREAD_WORK
        threads = min(threads or worth, worth)
        if threads > 1:  # more than there are cores would wait for one another
            threads = min(threads, usable_cores())
        layers = network.specs
        self._encoded = not isinstance(network.encoding, Identity)
        self._narrow = soa.is_narrow(layers) and not self._encoded
        if self._narrow:
            tile = soa.MOST_POINTS
        else:
            longest = max(padded_size(layer.fan_in + 1) for layer in layers)
            tile = max(96, _TILE_NUMBERS // longest // 96 * 96)
        self._tile = min(tile, max(samples, 1))
        self._unit = self._tile * -(-_PART_WORK // (self._tile * network.num_params))
        self.threads = max(min(threads, -(-samples // self._tile)), 1)
        self.pool = ThreadPool(self.threads)
        if self._narrow:
            self._tiles = soa.tiles_of(layers)
        else:
            self._caches: list[MLPCache | None] = [None] * self.threads
            self._panels = [aligned_zeros(PANEL) for _ in range(self.threads)]
        self._memory: list[FloatArray | None] = [None] * self.threads

    def predict(
        self, samples: FloatArray, output: FloatArray, on_part: OnPart | None = None
    ) -> None:
        """Compute the outputs of some samples.

        Parameters
        ----------
        samples : float32 (samples, inputs), C-contiguous
        output : float32 (samples, outputs), C-contiguous
            Filled with the outputs.
        on_part : callable, optional
            May change the outputs that it is given.
        """
        parts = _Parts(len(samples), self._unit, self._most, self.threads)
        compute = self._compute_narrow if self._narrow else self._compute

        def work(_: object, thread: int, threads: int) -> None:
            for part in parts:
                compute(thread, samples[part], output[part])
                if on_part:
                    on_part(part.start, output[part])

        self.pool.run(work, max(min(self.threads, parts.count), 1))

    @property
    def _most(self) -> int:
        """Most samples of a part."""
        if not self._encoded:
            return 1 << 62
        return max(_ENCODED_NUMBERS // self.network.encoding.outputs, self._tile)

    def _compute(self, thread: int, samples: FloatArray, output: FloatArray) -> None:
        cache = self._caches[thread]
        if cache is None:  # by the thread itself: its core holds what it writes first
            network = self.network
            cache = MLPCache(network.specs, network.table, self._tile, training=False)
            self._caches[thread] = cache
        if self._encoded:
            encoding, rows = self.network.encoding, self._memory[thread]
            if rows is None or len(rows) < len(samples):
                rows = np.empty((len(samples), encoding.outputs), dtype=np.float32)
                self._memory[thread] = rows
            encoding.encode(self.network.tables(), samples, rows, Share(len(samples)))
            samples = rows[: len(samples)]
        weights, panel = self.network.parameters, self._panels[thread]
        predict_kernel(weights, cache.buffers, panel, samples, output, self._tile)

    def _compute_narrow(self, thread: int, samples: FloatArray, output: FloatArray) -> None:
        memory = self._memory[thread]
        if memory is None:
            (memory,) = soa.tile_memory(self._tiles, 1)
            self._memory[thread] = memory
        no_latents, alone = np.empty((1, 0), dtype=np.float32), Worker(barrier_counts(1), 0, 1)
        arguments = self.network.parameters, self._tiles, no_latents, samples
        soa_forward.forward_kernel(*arguments, output[np.newaxis], memory, alone)


class _Parts(Iterator[slice]):
    """Parts of some samples, large ones first: all threads end together.

    The next part is for whoever asks next: a thread that shares its core takes fewer.
    """

    def __init__(self, samples: int, unit: int, most: int, threads: int) -> None:
        self.count = -(-samples // unit)
        self._samples, self._unit, self._threads = samples, unit, threads
        self._most = max(most // unit, 1)
        self._next, self._lock = 0, threading.Lock()

    def __next__(self) -> slice:
        with self._lock:
            first = self._next
            if first == self.count:
                raise StopIteration
            share = (self.count - first) // (2 * self._threads)
            self._next = first + min(max(share, 1), self._most)
            return slice(first * self._unit, min(self._next * self._unit, self._samples))
