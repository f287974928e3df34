"""A forward and a backward pass through a network."""

from __future__ import annotations

from fit_image.nn.runtime.threads import ThreadPool


def passes(network, inputs, upstream=None, *, threads=1):
    """Return outputs, the gradient by parameters, and that by inputs.

    ``upstream`` is the gradient by the outputs, or a function from the outputs to it; without, the
    gradients are None.
    """
    cache = network.make_cache(len(inputs), ThreadPool(threads))
    outputs = network.forward(inputs, cache).copy()
    if upstream is None:
        return outputs, None, None
    grad_y = upstream(outputs) if callable(upstream) else upstream
    gradient = network.zeros()
    by_inputs = network.backward(cache, grad_y, gradient, to_input=True)
    return outputs, gradient, by_inputs.copy()
