"""SOAP against its float64 twin, for any number of threads, and resumed."""

from __future__ import annotations

import numpy as np
import pytest
from test_minibatch import learn_all
from test_mlp import samples

from fit_image.nn.kernels.gemm import PANEL
from fit_image.nn.mlp.layer_spec import dense_stack
from fit_image.nn.mlp.mlp import MLP
from fit_image.nn.network import Network
from fit_image.nn.optimizers.soap import SOAP, step_matrices
from fit_image.nn.optimizers.spans import SCALE
from fit_image.nn.runtime.arrays import aligned_zeros
from fit_image.nn.runtime.barrier import barrier_counts
from fit_image.nn.runtime.jit import kernel
from fit_image.nn.training.minibatch import Minibatch

BATCH, RATE = 32, 0.01

# Widths with and without padding, and one of more than a vector.
HIDDEN = (20, 38)


class NaiveMatrix:
    """Vyas et al. 2025, algorithm 3, with bases that begin as the identity."""

    def __init__(self, shape):
        self.sums = [np.zeros((side, side)) for side in shape]
        self.bases = [np.eye(side) for side in shape]
        self.m, self.v = np.zeros(shape), np.zeros(shape)

    def step(self, g, t):
        for total, products in zip(self.sums, (g @ g.T, g.T @ g), strict=True):
            total *= 0.95
            total += products
        if t % 20 == 0:
            m = self.bases[0] @ self.m @ self.bases[1].T
            self.bases = [self.renewed(*each) for each in zip(self.sums, self.bases, strict=True)]
            self.m = self.bases[0].T @ m @ self.bases[1]
        left, right = self.bases
        turned = left.T @ g @ right
        self.m = 0.9 * self.m + 0.1 * turned
        self.v = 0.99 * self.v + 0.01 * turned**2
        m_hat, v_hat = self.m / (1 - 0.9**t), self.v / (1 - 0.99**t)
        return left @ (m_hat / (np.sqrt(v_hat) + 1e-8)) @ right.T

    @staticmethod
    def renewed(total, basis):
        ridge = 1e-6 * np.trace(total) / len(total)
        q, r = np.linalg.qr(total @ basis + ridge * basis)
        return q * np.sign(np.diag(r))


@kernel
def _step_kernel(vectors, preconditioned, rates, constants, panel, worker):
    step_matrices(vectors, preconditioned, rates, constants, panel, worker)


def make(rng, hidden=HIDDEN):
    return MLP(dense_stack(2, hidden, 3, 0.01)).draw_params(1.0, rng)


def teach(network):
    optimizer = SOAP.of_layers(network.parameters.size, network.table)
    return Minibatch(network, optimizer, RATE, BATCH)


@pytest.mark.parametrize(("hidden", "tolerance"), [(HIDDEN, 1e-4), ((110, 20), 5e-3)])
def test_it_equals_its_naive_twin(hidden, tolerance, rng):
    """Of gradients whose numbers depend on one another.

    In a matrix that is wide and low, there are directions of which rounding decides.
    """
    network = make(rng, hidden)
    optimizer = SOAP.of_layers(network.parameters.size, network.table)
    gradient, shares = network.zeros(), []
    for rows in network.rows(gradient):
        mixes = [rng.standard_normal((side, side)) + 3 * np.eye(side) for side in rows.shape]
        shares.append((NaiveMatrix(rows.shape), *mixes))
    expected = [each.astype(np.float64) for each in network.rows()]
    rates = np.array([0.01, 0.02, 0.04], dtype=np.float32)
    for t in range(1, 46):
        constants = optimizer.constants(t)
        constants[SCALE] = 0.5
        for index, (naive, left, right) in enumerate(shares):
            g = left @ rng.standard_normal(expected[index].shape) @ right
            list(network.rows(gradient))[index][:] = g
            expected[index] -= 0.5 * rates[index] * naive.step(0.5 * g, t)
        for thread in range(2):
            _step_kernel(
                optimizer.vectors(network.parameters, gradient),
                tuple(optimizer.preconditioned),
                (rates, np.float32(0.5)),
                constants,
                aligned_zeros(PANEL),
                (barrier_counts(2), thread, 2),
            )
    for rows, twin in zip(network.rows(), expected, strict=True):
        np.testing.assert_allclose(rows, twin, atol=tolerance)


def test_the_number_of_threads_and_resuming_change_no_bit(rng):
    start = make(rng).parameters
    inputs, targets = samples(rng, 50 * BATCH)
    results = set()
    for threads, cut in ((1, 0), (2, 0), (3, 25 * BATCH)):
        network = make(rng)
        network.parameters[:] = start
        learner = teach(network)
        if cut:
            learn_all(learner, inputs[:cut], targets[:cut], threads=threads)
            state, learner = learner.to_arrays(), teach(network)
            learner.restore(state)
        learn_all(learner, inputs[cut:], targets[cut:], threads=threads)
        state = learner.optimizer.state.values()
        results.add((network.parameters.tobytes(), *(each.tobytes() for each in state)))
        assert all(
            network.is_padded(vector)
            for name, vector in learner.optimizer.state.items()
            if name.endswith("moment")
        )
        assert network.is_padded(network.parameters)
    assert len(results) == 1


def test_the_first_step_is_its_rate_in_every_direction(rng):
    network = make(rng)
    before = network.parameters.copy()
    inputs, targets = samples(rng, BATCH)
    learn_all(teach(network), inputs, targets)
    moved = np.abs(network.parameters - before)
    assert np.median(moved[moved > 0]) == pytest.approx(RATE, rel=1e-3)
    assert moved.max() <= 1.001 * RATE


def test_a_network_that_is_learned_layer_by_layer_is_refused(rng):
    network = make(rng)
    optimizer = SOAP.of_layers(network.parameters.size, network.table)
    with pytest.raises(ValueError, match="layer by layer"):
        Minibatch(Network(network.layers), optimizer, RATE, BATCH)
