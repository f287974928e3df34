"""Learning by batches against its float64 twin, the per-sample path, and itself."""

from __future__ import annotations

import numpy as np
import pytest
from test_mlp import STACKS, make, samples
from test_per_sample_sgd import copy_of, learn, ones, shaped

from fit_image.config import registry
from fit_image.nn.encodings.base import Identity
from fit_image.nn.mlp.mlp import MLP
from fit_image.nn.optimizers.adam import Adam, AdamW
from fit_image.nn.optimizers.base import Step
from fit_image.nn.optimizers.registry import OPTIMIZERS
from fit_image.nn.optimizers.sgd import SGD
from fit_image.nn.training.minibatch import Minibatch
from naive import ALL_ACTIVATIONS, NAIVE_OPTIMIZERS, NaiveNetwork, values

RATES = {"sgd": 0.2, "momentum": 0.1, "adam": 0.01, "adamw": 0.01, "soap": 0.01}


def teach(network, name, batch, *, rate=None, loss="mse", **options):
    optimizer = OPTIMIZERS[name](network.parameters.size)
    rates = network.rates(rate or RATES[name], by_fan_in=optimizer.rate_of_layer)
    return Minibatch(network, optimizer, rates, batch, loss, **options)


def learn_all(learner, inputs, targets, cuts=(), *, weights=None, factors=None, threads=1):
    """Learn in calls that end at ``cuts`` and at the end; return the loss."""
    loss = np.zeros(1)
    weights = ones(inputs) if weights is None else weights
    factors = ones(inputs) if factors is None else factors
    starts = [0, *cuts]
    for start, stop in zip(starts, [*cuts, len(inputs)], strict=True):
        part = slice(start, stop)
        learner.learn(
            inputs[part],
            targets[part],
            weights[part],
            loss,
            factors=factors[part],
            threads=threads,
        )
    learner.finish(loss)
    return loss[0]


def test_every_optimizer_has_defaults_and_a_twin():
    assert list(OPTIMIZERS) == list(registry.OPTIMIZERS) == list(NAIVE_OPTIMIZERS)


MOMENTA = [("adam", {"beta1": beta1}) for beta1 in (0.0, 0.5, 0.75)]


@pytest.mark.parametrize(("name", "options"), [*((name, {}) for name in OPTIMIZERS), *MOMENTA])
def test_an_optimizer_equals_its_naive_twin(name, options, rng):
    optimizer, twin = OPTIMIZERS[name](40, **options), NAIVE_OPTIMIZERS[name](**options)
    parameters = rng.standard_normal(40, dtype=np.float32)
    expected = parameters.astype(np.float64)
    before = expected.copy()
    spans, rates = np.array([[0, 7], [7, 40]]), np.full(2, 0.05, dtype=np.float32)
    for step in range(30):
        gradient = rng.standard_normal(40, dtype=np.float32) * np.float32(0.01 + step % 3)
        twin.begin()
        optimizer.update(parameters, gradient, Step(spans, rates, np.float32(0.5), step + 1))
        expected += [
            twin.change(i, 0.5 * float(g), 0.05, expected[i]) for i, g in enumerate(gradient)
        ]
    assert np.abs(expected - before).max() > 0.1
    np.testing.assert_allclose(parameters, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("hidden", STACKS)
def test_learning_by_batches_equals_the_naive_twin(name, hidden, rng):
    network = make(hidden, rng)
    twin, naive = NaiveNetwork.copy_of(network), NAIVE_OPTIMIZERS[name]()
    inputs, targets = samples(rng, 75)
    before = values(network).copy()

    loss = learn_all(teach(network, name, 10), inputs, targets)
    twin_loss = sum(
        twin.learn_batch(inputs[i : i + 10], targets[i : i + 10], RATES[name], naive)
        for i in range(0, 75, 10)  # the last batch is one of 5
    )

    expected = twin.values()
    assert np.abs(expected - before).max() > 0.01  # there was something to learn
    np.testing.assert_allclose(values(network), expected, atol=1e-4)
    assert loss == pytest.approx(twin_loss, rel=1e-5)


@pytest.mark.parametrize("activation", ALL_ACTIVATIONS)
def test_batches_of_an_activation_equal_the_naive_twin(activation, rng):
    network = shaped(activation, rng)
    twin, naive = NaiveNetwork.copy_of(network), NAIVE_OPTIMIZERS["momentum"]()
    inputs, targets = samples(rng, 25)
    before = values(network)
    learn_all(teach(network, "momentum", 10, rate=0.3), inputs, targets)
    for i in range(0, 25, 10):
        twin.learn_batch(inputs[i : i + 10], targets[i : i + 10], 0.3, naive)
    assert np.abs(twin.values() - before).max() > 0.01
    np.testing.assert_allclose(values(network), twin.values(), atol=5e-5)


@pytest.mark.parametrize("hidden", STACKS)
def test_a_batch_of_one_equals_per_sample_training(hidden, rng):
    per_sample = make(hidden, rng)
    by_batch = copy_of(per_sample)
    inputs, targets = samples(rng, 200)
    loss = learn(per_sample, inputs, targets, lr=0.1)
    assert learn_all(teach(by_batch, "sgd", 1, rate=0.1), inputs, targets) == pytest.approx(loss)
    np.testing.assert_allclose(values(by_batch), values(per_sample), atol=2e-5)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("batch", [7, 100, 300])
def test_the_number_of_threads_changes_no_bit(name, batch, rng):
    first = make((300, 130, 20), rng)
    inputs, targets = samples(rng, 700)
    results = []
    for threads in (1, 2, 3, 8):
        network = copy_of(first)
        learner = teach(network, name, batch)
        loss = learn_all(learner, inputs, targets, threads=threads)
        results.append((network.parameters.tobytes(), loss))
        assert all(vector.any() for vector in learner.optimizer.state.values())
    assert len(set(results)) == 1


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_calls_may_be_cut_between_batches(name, rng):
    whole = make((20, 20), rng)
    cut = copy_of(whole)
    inputs, targets = samples(rng, 95)
    loss = learn_all(teach(whole, name, 10), inputs, targets)
    assert learn_all(teach(cut, name, 10), inputs, targets, [10, 10, 60, 90]) == loss
    assert cut.parameters.tobytes() == whole.parameters.tobytes()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_large_batch_is_learned_in_micro_batches(name, rng):
    network = make((20, 20), rng)
    twin, naive = NaiveNetwork.copy_of(network), NAIVE_OPTIMIZERS[name]()
    inputs, targets = samples(rng, 500)
    weights, factors = rng.random((2, 500), dtype=np.float32)
    one_call = copy_of(network)
    learner = teach(network, name, 200, micro_batch=64)
    loss, position, pending = np.zeros(1), 0, set()
    while position < 500:
        cut = learner.next_cut(10**6)
        part = slice(position, position + cut)
        learner.learn(inputs[part], targets[part], weights[part], loss, factors=factors[part])
        position += cut
        pending.add(learner.pending)
    learner.finish(loss)

    assert pending == {0, 64, 128, 192, 100}  # 100 before the last one is finished
    expected = sum(
        twin.learn_batch(
            inputs[i : i + 200],
            targets[i : i + 200],
            RATES[name],
            naive,
            weights=weights[i : i + 200],
            factors=factors[i : i + 200],
        )
        for i in range(0, 500, 200)
    )
    assert loss[0] == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(values(network), twin.values(), atol=1e-4)
    again = learn_all(
        teach(one_call, name, 200, micro_batch=64),
        inputs,
        targets,
        weights=weights,
        factors=factors,
        threads=3,
    )
    assert again == loss[0]
    assert one_call.parameters.tobytes() == network.parameters.tobytes()


def test_an_incomplete_batch_must_be_finished(rng):
    learner = teach(make((4,), rng), "sgd", 200, micro_batch=64)
    inputs, targets = samples(rng, 10)
    learner.learn(inputs, targets, ones(inputs), np.zeros(1))
    with pytest.raises(ValueError, match="not finished"):
        learner.learn(inputs, targets, ones(inputs), np.zeros(1))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_padding_stays_zero(name, rng):
    network = make((5, 7), rng)
    learner = teach(network, name, 10)
    learn_all(learner, *samples(rng, 50))
    for vector in (network.parameters, *learner.optimizer.state.values()):
        assert network.is_padded(vector)
        assert all(rows.any() for rows in network.rows(vector))
    assert not network.is_padded(np.ones_like(network.parameters))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_goes_on_from_what_it_remembers(name, rng):
    network = make((6, 6), rng)
    inputs, targets = samples(rng, 40)
    learner = teach(network, name, 10)
    learn_all(learner, inputs, targets)
    other = teach(copy_of(network), name, 10)
    other.restore(learner.to_arrays())
    assert learn_all(learner, inputs, targets) == learn_all(other, inputs, targets)
    assert other.network.parameters.tobytes() == network.parameters.tobytes()


def damaged(arrays, damage):
    moment = arrays["second_moment"]
    if damage == "missing":
        del arrays["second_moment"]
    elif damage == "unknown":
        arrays["velocity"] = moment
    elif damage == "no count":
        arrays["steps"] = np.array(-1)
    elif damage == "short":
        arrays["second_moment"] = moment[:-1]
    elif damage == "type":
        arrays["second_moment"] = moment.astype(np.float64)
    elif damage == "not finite":
        moment[0] = np.nan
    elif damage == "negative":
        moment[0] = -1
    else:
        moment[:] = 1  # the padding, too
    return arrays


@pytest.mark.parametrize(
    "damage",
    ["missing", "unknown", "no count", "short", "type", "not finite", "negative", "padding"],
)
def test_a_state_that_makes_no_sense_is_refused(damage, rng):
    learner = teach(make((6,), rng), "adam", 10)
    learn_all(learner, *samples(rng, 20))
    before = learner.to_arrays()
    with pytest.raises(ValueError, match="optimizer"):
        learner.restore(damaged(learner.to_arrays(), damage))
    after = learner.to_arrays()
    assert all((after[name] == before[name]).all() for name in before)


class Failing(Identity):
    """Fails in every thread but the caller's."""

    def encode(self, tables, inputs, rows, share):
        if share.thread > 0:
            raise MemoryError
        super().encode(tables, inputs, rows, share)


def test_an_error_in_a_thread_reaches_the_caller(rng):
    network = MLP(make((300,), rng).specs, Failing(2))
    learner = Minibatch(network, SGD(network.parameters.size), 0.1, 64)
    inputs, targets = samples(rng, 128)
    with pytest.raises(MemoryError):
        learner.learn(inputs, targets, ones(inputs), np.zeros(1), threads=2)


def test_samples_that_do_not_fit_are_refused(rng):
    inputs, targets = samples(rng, 4)
    with pytest.raises(ValueError, match="do not fit"):
        learn_all(teach(make((4,), rng), "sgd", 4), inputs, targets[:3])
    for numbers in (np.ones(3, np.float32), np.ones((4, 1), np.float32)):
        with pytest.raises(ValueError, match="do not fit"):
            learn_all(teach(make((4,), rng), "sgd", 4), inputs, targets, weights=numbers)
        with pytest.raises(ValueError, match="do not fit"):
            learn_all(teach(make((4,), rng), "sgd", 4), inputs, targets, factors=numbers)


def test_a_decay_is_the_one_asked_for(rng):
    """Where no gradient moves them, weights shrink by rate times decay, whatever the moments."""
    parameters = rng.standard_normal(20, dtype=np.float32)
    expected = parameters.astype(np.float64)
    optimizer = AdamW(20, decay=0.5)
    spans, rates = np.array([[0, 20]]), np.full(1, 0.1, dtype=np.float32)
    for step in range(5):
        gradient = np.zeros(20, np.float32)
        optimizer.update(parameters, gradient, Step(spans, rates, np.float32(1), step + 1))
        expected *= 1 - 0.1 * 0.5
    np.testing.assert_allclose(parameters, expected, rtol=1e-6)


def test_the_first_step_of_adam_is_its_rate_whatever_it_keeps():
    for beta1 in (0.0, 0.5, 0.9):
        parameters, optimizer = np.zeros(3, np.float32), Adam(3, beta1)
        gradient = np.array([2.0, -0.5, 1e-3], np.float32)
        spans, rates = np.array([[0, 3]]), np.array([0.25], np.float32)
        optimizer.update(parameters, gradient, Step(spans, rates, np.float32(1.0), 1))
        np.testing.assert_allclose(parameters, [-0.25, 0.25, -0.25], rtol=1e-4)
        np.testing.assert_allclose(
            optimizer.state["first_moment"], (1 - beta1) * gradient, rtol=1e-5
        )
