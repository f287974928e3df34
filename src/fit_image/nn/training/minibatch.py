"""Training by minibatches: forward, loss, backward, one step along the mean gradient.

Two executors take the steps. Any network can be learned layer by layer: `Network.forward`, the
loss, `Network.backward`, and a step of the optimizer. An `MLP` is learned by fused kernels, see
`fit_image.nn.training.fused`, which are several times as fast where layers or batches are small.
Results have the same bits for any number of threads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.nn.layers.layer import GradMode
from fit_image.nn.losses import LOSSES, output_gradient_kernel
from fit_image.nn.mlp.mlp import MLP
from fit_image.nn.network import Network, NetworkCache
from fit_image.nn.optimizers.base import Optimizer
from fit_image.nn.optimizers.sgd import SGD
from fit_image.nn.optimizers.touched_steps import update_touched_kernel
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.threads import ThreadPool
from fit_image.nn.training.fused import FusedExecutor, samples_at_once
from fit_image.nn.training.micro_batch import MicroBatch, MicroBatches, micro_batch_size
from fit_image.nn.training.samples import Samples, accept_numbers, accept_samples


class Minibatch:
    """Trains a network in minibatches.

    `learn` and `finish` learn from samples by a named loss, however many come at once. With a loss
    of one's own, `forward`, `backward` and `step`, or `train_step` in place of the last two, do the
    same for a batch that is in memory.

    Parameters
    ----------
    network : Network
    optimizer : Optimizer
        For the network's parameter vector.
        One with a preconditioner is for an `MLP`.
    rates : float or sequence of float
        Learning rate of all layers, or of each.
    batch : int
        Samples of a batch, over which the gradient's mean is taken.
    loss : str
        A key of `fit_image.nn.losses.LOSSES`.
    micro_batch : int, optional
        Samples that are in memory at once at most; see `micro_batch_size`.
    pool : ThreadPool, optional
        The threads of a network that is learned layer by layer. Default: all cores.

    Attributes
    ----------
    most_threads : int
        More threads than this would have nothing to do.
    """

    alone = False  # its threads never leave the work to one of them

    def __init__(
        self,
        network: Network,
        optimizer: Optimizer,
        rates: float | Sequence[float] | FloatArray,
        batch: int,
        loss: str = "mse",
        *,
        micro_batch: int | None = None,
        pool: ThreadPool | None = None,
    ) -> None:
        self.network = network
        self.optimizer = optimizer
        self.rates = np.empty(len(network.layers), dtype=np.float32)
        self.rates[:] = rates
        self._loss_code = LOSSES[loss]
        self._loss = 0.0
        self._pool = pool or ThreadPool()
        self._part = 0  # number of the micro-batch in its batch
        self._fused = None
        self.most_threads = self._pool.threads
        if len(optimizer.preconditioned.table) and not isinstance(network, MLP):
            raise ValueError("what is learned layer by layer has no preconditioner")
        if isinstance(network, MLP) and micro_batch is None:
            micro_batch = samples_at_once(network.specs)
        longest = batch if micro_batch is None else micro_batch_size(batch, micro_batch)
        if isinstance(network, MLP):
            self._fused = FusedExecutor(network, optimizer, self.rates, longest, self._loss_code)
            self.most_threads = self._fused.most_threads
        self._micro_batches = MicroBatches(longest, batch)

    @cached_property
    def cache(self) -> NetworkCache:
        """Memory of a batch that is learned layer by layer."""
        return self.network.make_cache(self._micro_batches.longest, self._pool)

    @cached_property
    def gradient(self) -> FloatArray:
        """That of a batch with respect to the parameters, learned layer by layer."""
        return self.network.zeros()

    @property
    def pending(self) -> int:
        """Samples learned of an incomplete batch."""
        return self._micro_batches.pending

    def session(self) -> AbstractContextManager[object]:
        """Return the context to learn in; no preparation is needed here."""
        return nullcontext()

    def next_cut(self, samples: int) -> int:
        """Return how many samples `learn` may be given next: about ``samples``, at least one."""
        return self._micro_batches.next_cut(samples)

    def learn(
        self,
        inputs: FloatArray,
        targets: FloatArray,
        weights: FloatArray,
        loss_sum: npt.NDArray[np.float64],
        *,
        factors: FloatArray | None = None,
        threads: int = 1,
    ) -> None:
        """Learn from samples in order.

        Parameters
        ----------
        inputs : float32 (samples, *in_shape)
            As many samples as `next_cut` says; fewer only before `finish`.
        targets : float32 (samples, *out_shape)
        weights : float32 (samples,)
            Multiply the samples' losses, and with them their gradients; the mean is over the
            number of samples all the same.
        loss_sum : float64 (1,)
            The losses of every complete batch are added to it, each taken before its step.
        factors : float32 (samples,), optional
            Their mean over a batch multiplies the learning rates of its step. Default: ones.
        threads : int
            At most so many. Does not change the result.

        Raises
        ------
        ValueError
            If the samples have another shape.
        """
        inputs, targets = accept_samples(self.network, inputs, targets)
        weights = accept_numbers(weights, len(inputs))
        micro_batches = self._micro_batches.split(
            np.ones_like(weights) if factors is None else accept_numbers(factors, len(inputs)),
            self.optimizer.steps,
        )
        samples = Samples(inputs, targets, weights, np.empty(len(inputs)))
        threads = max(1, min(threads, self.most_threads))
        if self._fused:
            self._fused.learn(samples, micro_batches, threads)
        else:
            self._pool.threads = threads
            for micro_batch in micro_batches:
                self._learn(samples, micro_batch)
        for micro_batch in micro_batches:
            start, stop = micro_batch.start, micro_batch.start + micro_batch.samples
            self._loss += float(samples.losses[start:stop].sum())
            self._end(micro_batch, loss_sum)

    def finish(self, loss_sum: npt.NDArray[np.float64]) -> None:
        """Take the step of an incomplete batch, as at the end of an epoch."""
        if not self.pending:
            return
        end = self._micro_batches.end(self.optimizer.steps)
        micro_batch = MicroBatch(0, 0, first=False, batch_end=end)
        samples = Samples.none(self.network)
        if self._fused:
            self._fused.learn(samples, [micro_batch], 1)
        else:
            self._learn(samples, micro_batch)
        self._end(micro_batch, loss_sum)

    def forward(self, x: FloatArray, rng: np.random.Generator | None = None) -> FloatArray:
        """Compute the output of at most a batch; see `Network.forward`."""
        return self.network.forward(x, self.cache, rng)

    def backward(
        self, grad_y: FloatArray, mode: GradMode = GradMode.WRITE, *, to_input: bool = False
    ) -> FloatArray | None:
        """Propagate the gradient of the newest outputs to `gradient`; see `Network.backward`."""
        grads = None if mode is GradMode.SKIP else self.gradient
        return self.network.backward(self.cache, grad_y, grads, mode, to_input=to_input)

    def step(self, scale: float = 1.0, factor: float = 1.0) -> None:
        """Take a step along ``scale`` times the gradient, with ``factor`` times the rates."""
        spans, rates = self._spans
        vectors = self.network.parameters, self.gradient
        rates = rates * np.float32(factor)
        self.optimizer.parallel_step(*vectors, spans, rates, scale, self._pool)
        for index, (layer, call) in enumerate(
            zip(self.network.layers, self.cache.calls, strict=True)
        ):
            if touched := layer.touched(call.cache):
                rate = self.rates[index] * np.float32(factor)
                scalars = rate, np.float32(scale), self.optimizer.steps
                constants = np.array(self.optimizer.touched_constants(*scalars), dtype=np.float32)
                units = self.network.start(index), 0, len(touched.notes.units)
                own = self.optimizer.vectors(*vectors)
                update_touched_kernel(self.optimizer.code, own, touched.notes, units, constants)

    def train_step(self, grad_y: FloatArray, scale: float = 1.0, factor: float = 1.0) -> None:
        """Propagate the gradient of the newest outputs, and take a step along it.

        Plain gradient descent needs no memory for the gradient: layers change their parameters
        after their last use.
        """
        if self._descends:
            rates = self.rates * np.float32(scale * factor)
            self.network.descend(self.cache, grad_y, rates.tolist())
            self.optimizer.steps += 1
        else:
            self.backward(grad_y)
            self.step(scale, factor)

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the state of the optimizer after the last complete batch, for `restore`."""
        return self.optimizer.to_arrays()

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Continue from `to_arrays`; an incomplete batch is forgotten.

        Raises
        ------
        ValueError
            If the arrays do not belong to this optimizer and network.
        """
        for name, state in arrays.items():
            parameters = self.network.parameters
            fits = (state.shape, state.dtype) == (parameters.shape, parameters.dtype)
            if fits and not self.network.is_padded(state):
                raise ValueError(f"the optimizer's {name} is not zero in its padding")
        self.optimizer.restore(arrays)
        self._micro_batches.forget()
        self._loss = 0.0
        if self._fused:
            self._fused.forget()

    @cached_property
    def _descends(self) -> bool:
        layers = self.network.layers
        return isinstance(self.optimizer, SGD) and all(layer.tied_to is None for layer in layers)

    @cached_property
    def _spans(self) -> tuple[npt.NDArray[np.int64], FloatArray]:
        """Spans of the parameters that a step changes as a whole, and their learning rates."""
        spans, rates = [], []
        layers = zip(self.network.layers, self.cache.calls, self.rates, strict=True)
        for index, (layer, call, rate) in enumerate(layers):
            if layer.size and not layer.touched(call.cache):
                start = self.network.start(index)
                spans.append((start, start + layer.size))
                rates.append(rate)
        return np.array(spans, dtype=np.int64).reshape(-1, 2), np.array(rates, dtype=np.float32)

    def _learn(self, samples: Samples, micro_batch: MicroBatch) -> None:
        """Learn a micro-batch layer by layer."""
        end, grad_y = micro_batch.batch_end, None
        self._part = 0 if micro_batch.first else self._part + 1
        if micro_batch.samples:
            part = samples.part(micro_batch.start, micro_batch.samples)
            # Seeded by the step, so that resuming needs no generator state.
            rng = np.random.default_rng([self.optimizer.steps, self._part])
            outputs = self.forward(part.inputs, rng)
            grad_y = self.cache.grad_output
            flat = (each.reshape(len(each), -1) for each in (outputs, part.targets, grad_y))
            output_gradient_kernel(*flat, part.weights, part.losses, self._loss_code)
        if grad_y is not None and end and micro_batch.first:
            self.train_step(grad_y, end.scale, end.factor)
            return
        if grad_y is not None:
            self.backward(grad_y, GradMode.WRITE if micro_batch.first else GradMode.ADD)
        if end:
            self.step(end.scale, end.factor)

    def _end(self, micro_batch: MicroBatch, loss_sum: npt.NDArray[np.float64]) -> None:
        if micro_batch.batch_end is not None:
            self.optimizer.steps = micro_batch.batch_end.step
            loss_sum[0] += self._loss
            self._loss = 0.0
