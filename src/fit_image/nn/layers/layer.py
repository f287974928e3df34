"""What a stage of a chain must do, and the threads that help it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from fit_image.nn.kernels.gemm import PANEL
from fit_image.nn.runtime.arrays import FloatArray, IntArray, aligned_zeros
from fit_image.nn.runtime.machine import usable_cores
from fit_image.nn.runtime.threads import Team

Shape = tuple[int, ...]

PARTS = 8
"""Parts into which stages cut a batch where they add over its samples.

Each part is one thread's, and the parts are added in order: no bit depends on the threads.
"""


class Workers:
    """The threads that carry a batch through a chain.

    Parameters
    ----------
    threads : int, optional
        Default: all cores this process may use. Does not change any result.

    Attributes
    ----------
    threads : int
    panels : list of float32 vector
        Each thread's memory for products.

    Raises
    ------
    ValueError
        If there would be no thread.
    """

    def __init__(self, threads: int | None = None) -> None:
        self.threads = usable_cores() if threads is None else threads
        if self.threads < 1:
            raise ValueError(f"{threads} threads can do no work")
        self.panels = [aligned_zeros(PANEL) for _ in range(self.threads)]
        self._team = Team(self.threads)

    def run(self, work: Callable[[IntArray, int, int], object]) -> None:
        """Call ``work(counts, thread, threads)`` in every thread; see `Team.run`."""
        self._team.run(work, self.threads)


class Layer(ABC):
    """One of the stages of a chain; holds no parameters and no samples itself.

    Attributes
    ----------
    inputs, outputs : tuple of int
        Shapes of a sample before and after.
    size : int
        Numbers in the stage's part of a parameter vector, with padding that stays zero.
    parameter_count : int
        The same without padding.
    lender : Layer or None
        An earlier stage of the chain, whose part of the vectors this stage is given in place of one
        of its own.
    """

    lender: Layer | None = None

    def __init__(self, inputs: Shape, outputs: Shape, size: int, parameter_count: int) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self.size = size
        self.parameter_count = parameter_count

    @abstractmethod
    def initialise(self, parameters: FloatArray, rng: np.random.Generator) -> None:
        """Draw the first parameters (float32 vector of ``size``, zeros before)."""

    def keep(self, samples: int) -> Any:
        """Return memory in which `forward` leaves what `backward` needs of so many samples."""
        return None

    @abstractmethod
    def forward(
        self,
        parameters: FloatArray,
        inputs: FloatArray,
        outputs: FloatArray,
        kept: Any,
        workers: Workers,
        rng: np.random.Generator | None,
    ) -> None:
        """Fill ``outputs``.

        Parameters
        ----------
        parameters : float32 vector of ``size``
        inputs, outputs : float32 (samples, ...)
            C-contiguous; as many samples as `keep` was told, or fewer. All begin on a cache line
            (see `fit_image.nn.runtime.arrays.aligned_zeros`), but for the inputs of a first stage.
        kept : object
            What `keep` returned.
        workers : Workers
        rng : numpy.random.Generator or None
            For stages that draw while training, such as dropout; None when not training.
        """

    @abstractmethod
    def backward(
        self,
        parameters: FloatArray,
        inputs: FloatArray,
        outputs: FloatArray,
        kept: Any,
        by_outputs: FloatArray,
        gradient: FloatArray | None,
        by_inputs: FloatArray | None,
        workers: Workers,
        factor: float = 1.0,
        add: bool = True,
    ) -> None:
        """Carry the gradient of the loss from the outputs back; arguments as in `forward`.

        Parameters
        ----------
        by_outputs : float32, shaped like ``outputs``
            Derivative of the loss by each; may be overwritten.
        gradient : float32 vector of ``size``, or None
            The derivative by the parameters, summed over the samples and multiplied by ``factor``,
            is added to it, or takes the place of what it was: see ``add``. It may be ``parameters``
            themselves, which then are read no more once the first of them has changed.
        by_inputs : float32, shaped like ``inputs``, or None
            Filled with the derivative by each. Begins on a cache line, whatever ``inputs`` do.
        factor : float
        add : bool
            Whether the gradient is added to.
        """
