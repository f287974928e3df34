"""The interface of layers, and the arguments of their forward and backward passes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import numpy as np

from fit_image.nn.layers.kernel_args import Grads
from fit_image.nn.optimizers.touched import Touched
from fit_image.nn.runtime.arrays import FloatArray
from fit_image.nn.runtime.threads import ThreadPool

Shape = tuple[int, ...]

_NOTHING = np.empty(0, dtype=np.float32)

PARTS = 8
"""Number of parts into which layers cut a batch where they sum over its samples.

Each part is summed by one thread, and the parts are added in order, so that no bit depends on the
number of threads.
"""


class GradMode(Enum):
    """Treatment of the gradient with respect to the parameters in a backward pass.

    Attributes
    ----------
    SKIP
        It is not computed.
    WRITE
        It replaces the content of ``grads``.
    ADD
        It is added to ``grads``.
    DESCEND
        It is added to the parameters themselves: with ``scale = -rate``, a step of gradient
        descent.
    """

    SKIP = auto()
    WRITE = auto()
    ADD = auto()
    DESCEND = auto()


@dataclass(slots=True)
class Call:
    """A layer's share of a network's memory for a batch, from the forward to the backward pass.

    Attributes
    ----------
    params : float32 vector
        The layer's parameters: ``size`` numbers.
    grads : float32 vector or None
        Like ``params``; None if no backward pass writes or adds to it.
    x, y : float32 (batch, *in_shape) and (batch, *out_shape)
        Input and output, C-contiguous, with at most as many samples as the cache was made for. All
        start on a cache line (see `fit_image.nn.runtime.arrays.aligned_zeros`), except the input
        of a network's first layer.
    cache : object
        From `Layer.make_cache`: `Layer.forward` leaves there what `Layer.backward` needs.
    rng : numpy.random.Generator or None
        For layers that draw random numbers during training, such as dropout; None otherwise.
    skip : float32, shape of ``y``, or None
        Input of the residual block that ends here, which is added to the output: by the layer
        itself, if it `Layer.adds_skip`, or by the network.
    """

    params: FloatArray
    grads: FloatArray | None
    x: FloatArray
    y: FloatArray
    cache: Any
    pool: ThreadPool
    rng: np.random.Generator | None = None
    skip: FloatArray | None = None

    @property
    def skip_vector(self) -> FloatArray:
        """``skip`` as a vector, which is empty if there is none."""
        return _NOTHING if self.skip is None else self.skip.reshape(-1)


class Layer(ABC):
    """A layer of a network; it holds neither parameters nor samples.

    Attributes
    ----------
    in_shape, out_shape : tuple of int
        Shapes of a sample before and after the layer.
    size : int
        Length of the layer's span of a parameter vector, including padding that stays zero.
    num_params : int
        Number of parameters, without padding.
    tied_to : Layer or None
        An earlier layer of the network whose span of the vectors this layer uses instead of one of
        its own.
    skip : int
        Layers of the residual block that ends here, whose input the network adds to its output; 0
        where none ends. He et al., "Deep residual learning for image recognition", CVPR 2016.
    adds_skip : bool
        Whether `forward` adds ``call.skip``, while its output is in the cache.
    """

    tied_to: Layer | None = None
    skip: int = 0
    adds_skip: bool = False

    def __init__(
        self, in_shape: Shape, out_shape: Shape, size: int = 0, num_params: int = 0
    ) -> None:
        self.in_shape = in_shape
        self.out_shape = out_shape
        self.size = size
        self.num_params = num_params

    def init_params(  # noqa: B027
        self, params: FloatArray, rng: np.random.Generator
    ) -> None:
        """Draw the initial parameters (float32 vector of ``size`` zeros); most layers have none."""

    def named_params(self, params: FloatArray) -> dict[str, FloatArray]:
        """Return the parameters by name, such as "weight" and "bias", in their usual shapes.

        The arrays are views of ``params``, which may also be a gradient; padding is left out.
        """
        return {}

    def touched(self, cache: Any) -> Touched | None:
        """Return which parameters have a gradient; None, as of most layers, if all may have one."""
        return None

    def make_cache(self, batch_size: int) -> Any:
        """Return the memory that connects `forward` and `backward`, for ``batch_size`` samples."""
        return None

    def make_inference_cache(self, batch_size: int) -> Any:
        """Return the memory that `forward` needs where `backward` does not follow."""
        return self.make_cache(batch_size)

    @abstractmethod
    def forward(self, call: Call) -> None:
        """Compute ``call.y`` from ``call.x``."""

    def backward(
        self,
        call: Call,
        grad_y: FloatArray,
        grad_x: FloatArray | None = None,
        mode: GradMode = GradMode.WRITE,
        scale: float = 1.0,
    ) -> None:
        """Propagate the gradient of the loss from the output back.

        Parameters
        ----------
        call : Call
            As `forward` left it; only once, because the cache may be overwritten.
        grad_y : float32, shape of ``call.y``
            Gradient with respect to the output.
        grad_x : float32, shape of ``call.x``, optional
            Filled with the gradient with respect to the input. Starts on a cache line.
        mode : GradMode
            Treatment of the gradient with respect to the parameters, summed over the batch.
            `GradMode.DESCEND` changes the parameters after their last use.
        scale : float
            Factor of the gradient with respect to the parameters.

        Raises
        ------
        ValueError
            If the call has no vector for a gradient that is wanted.
        """
        params = call.grads
        if mode is GradMode.SKIP:
            params = _NOTHING
        elif mode is GradMode.DESCEND:
            params = call.params
        if params is None and self.num_params == 0:
            params = _NOTHING
        if params is None:
            raise ValueError(
                "the call has no vector for the gradient with respect to the parameters"
            )
        below = _NOTHING if grad_x is None else grad_x.reshape(-1)
        add = mode is not GradMode.WRITE
        self.propagate(call, Grads(grad_y.reshape(-1), below, params, scale, add))

    @abstractmethod
    def propagate(self, call: Call, grads: Grads) -> None:
        """Compute the gradients that `backward` is asked for."""
