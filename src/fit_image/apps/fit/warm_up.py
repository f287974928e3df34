"""Compiling before training, so that its time is not taken for that of learning."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from fit_image.apps.fit.architecture import make_network
from fit_image.apps.fit.learner import make_learner
from fit_image.apps.pixels import samples
from fit_image.config.encoding_spec import NoEncoding, parse_encoding, smallest_like
from fit_image.config.fit import FitConfig
from fit_image.config.layer_spec import Hidden
from fit_image.images.colours import COLOUR_TYPES
from fit_image.nn.mlp import soa
from fit_image.nn.runtime.threads import ThreadPool

_WAITING = 2  # kernels in which threads wait for one another


def warm_up(
    config: FitConfig | None = None, dtypes: Iterable[npt.DTypeLike] = COLOUR_TYPES
) -> None:
    """Compile the kernels that training and drawing need, or load them from the cache.

    ``dtypes`` are the types of the pictures that will be learned.
    """
    # The smallest network that uses the same ones: narrow networks have a back end of their own.
    config = config or FitConfig()
    encoding = smallest_like(parse_encoding(config.encoding))
    hidden = Hidden(1 if _is_narrow(config) else soa.MAX_UNITS + 1)
    config = replace(config, layers=(hidden,), encoding=str(encoding))
    network = make_network(config, (1, 1), 3)
    coordinates, colours = np.zeros((1, 2), dtype=np.float32), np.zeros((1, 3), dtype=np.float32)
    learner = make_learner(network, config, 1)
    threads = min(2, learner.most_threads)  # threads have kernels of their own, to wait
    learner.learn(coordinates, colours, np.ones(1, dtype=np.float32), np.zeros(1), threads=threads)
    network.predict(coordinates, threads=1)
    ThreadPool(2).run(lambda counts, thread, threads: None)  # as drawing has it
    samples.warm_up(dtypes, by_error=config.sampling == "error")


def kernel_count(config: FitConfig) -> int:
    """Return the number of kernels that `warm_up` compiles for one type of picture."""
    plain = isinstance(parse_encoding(config.encoding), NoEncoding)
    samples = 4 if config.sampling == "error" else 2
    learning, encoding, drawing = 1, int(not plain), 1
    return learning + encoding + drawing + _WAITING + samples


def _is_narrow(config: FitConfig) -> bool:
    return all(layer.width <= soa.MAX_UNITS for layer in config.layers)
