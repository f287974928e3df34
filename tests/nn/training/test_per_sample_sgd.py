"""Training sample by sample, against its float64 twin and against itself."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from fit_image.nn.mlp.layer_spec import dense_stack
from fit_image.nn.mlp.mlp import MLP
from fit_image.nn.runtime.barrier import abort, barrier, barrier_counts, next_task
from fit_image.nn.runtime.jit import kernel
from fit_image.nn.training import per_sample_sgd as sgd_module
from fit_image.nn.training.per_sample_sgd import PerSampleSGD
from naive import ALL_ACTIVATIONS, NaiveNetwork, values

# Hidden layers: none left over and one; narrower and wider than the vectors and groups of rows
# that the kernels next_task; cut into one, two and four blocks, of which some are empty.
STACKS = [(), (1,), (3,), (15, 16), (17, 4, 33), (8, 8, 8, 8), (100, 9), (150, 3, 200), (400, 5)]


def make(hidden, rng, *, slope=0.01, inputs=2, outputs=3):
    return MLP(dense_stack(inputs, hidden, outputs, slope)).draw_params(1.0, rng)


def copy_of(network):
    copy = MLP(network.specs)
    copy.parameters[:] = network.parameters
    return copy


def learn(network, inputs, targets, weights=None, *, lr=0.1, loss="mse", threads=1, **options):
    sgd, loss_sum = PerSampleSGD(network, network.layer_rates(lr), loss), np.zeros(1)
    weights = ones(inputs) if weights is None else weights
    sgd.learn(inputs, targets, weights, loss_sum, threads=threads, **options)
    sgd.push()
    return loss_sum[0]


def ones(inputs):
    return np.ones(len(inputs), dtype=np.float32)


def samples(rng, count, inputs=2, outputs=3):
    return (
        rng.random((count, inputs), dtype=np.float32),
        rng.random((count, outputs), dtype=np.float32),
    )


@pytest.mark.parametrize("hidden", STACKS)
@pytest.mark.parametrize("slope", [0.01, 0.0, 0.3])
def test_training_equals_the_naive_twin(hidden, slope, rng):
    network = make(hidden, rng, slope=slope)
    twin = NaiveNetwork.copy_of(network)
    inputs, targets = samples(rng, 300 if max(hidden, default=0) < 50 else 20)
    before = values(network)

    loss = learn(network, inputs, targets)
    twin_loss = sum(twin.learn(x, t, 0.1) for x, t in zip(inputs, targets, strict=True))

    assert np.abs(twin.values() - before).max() > 0.02  # there was something to learn
    np.testing.assert_allclose(values(network), twin.values(), atol=2e-5)
    assert loss == pytest.approx(twin_loss, rel=1e-5)


def shaped(activation, rng):
    """Return a network of layers with this activation, and sigmoid outputs."""
    layers = dense_stack(
        2, (130, 9, 6), 3, 0.2, activations=[activation] * 3 + ["sigmoid"], omega=0.8, scale=1.0
    )
    return MLP(layers).draw_params(1.0, rng, "classic")


@pytest.mark.parametrize("activation", ALL_ACTIVATIONS)
def test_training_of_an_activation_equals_the_naive_twin(activation, rng):
    network = shaped(activation, rng)
    twin = NaiveNetwork.copy_of(network)
    inputs, targets = samples(rng, 25)
    before = values(network)
    learn(network, inputs, targets, lr=0.2)
    for x, t in zip(inputs, targets, strict=True):
        twin.learn(x, t, 0.2)
    assert np.abs(twin.values() - before).max() > 0.01
    np.testing.assert_allclose(values(network), twin.values(), atol=5e-5)
    expected = [twin.predict(x) for x in inputs]
    np.testing.assert_allclose(network.predict(inputs), expected, atol=5e-5)


@pytest.mark.parametrize(("inputs", "outputs"), [(1, 1), (40, 1), (5, 70), (130, 130)])
def test_any_number_of_inputs_and_outputs(inputs, outputs, rng):
    network = make((120, 10), rng, inputs=inputs, outputs=outputs)
    twin = NaiveNetwork.copy_of(network)
    x, t = samples(rng, 12, inputs, outputs)
    learn(network, x, t, lr=0.01)
    for each, target in zip(x, t, strict=True):
        twin.learn(each, target, 0.01)
    np.testing.assert_allclose(values(network), twin.values(), atol=2e-5)


@pytest.mark.parametrize("hidden", [(100,), (100, 120), (400, 30, 400, 20), (1100, 8, 100, 9, 100)])
def test_the_number_of_threads_changes_no_bit(hidden, rng):
    networks = [make(hidden, rng)]
    inputs, targets = samples(rng, 400)
    assert PerSampleSGD(networks[0], networks[0].layer_rates(0.1)).most_threads > 1
    networks += [copy_of(networks[0]) for _ in range(3)]
    losses = [
        learn(network, inputs, targets, threads=threads)
        for network, threads in zip(networks, (1, 2, 3, 8), strict=True)
    ]
    assert len(set(losses)) == 1
    assert len({network.parameters.tobytes() for network in networks}) == 1


def test_training_does_not_depend_on_how_it_is_cut(rng):
    whole = make((120, 20), rng)
    cut = copy_of(whole)
    inputs, targets = samples(rng, 100)
    whole_loss, cut_loss = np.zeros(1), np.zeros(1)
    rates = whole.layer_rates(0.1)
    whole_sgd, cut_sgd = PerSampleSGD(whole, rates), PerSampleSGD(cut, rates)
    weights, factors = rng.random((2, 100), dtype=np.float32)
    whole_sgd.learn(inputs, targets, weights, whole_loss, factors=factors)
    whole_sgd.push()
    for start, stop, threads in [(0, 1, 1), (1, 1, 2), (1, 40, 2), (40, 73, 1), (73, 100, 2)]:
        part = slice(start, stop)
        cut_sgd.learn(
            inputs[part],
            targets[part],
            weights[part],
            cut_loss,
            factors=factors[part],
            threads=threads,
        )
        if stop == 40:  # in between, or not
            cut_sgd.push()
            cut_sgd.pull()
    cut_sgd.push()
    assert cut.parameters.tobytes() == whole.parameters.tobytes()
    assert cut_loss[0] == whole_loss[0]


@pytest.mark.parametrize("threads", [1, 2])
def test_nan_is_not_optimised_away(threads, rng):
    inputs, targets = samples(rng, 2)
    targets[0, 0] = np.nan
    assert np.isnan(learn(make((120,), rng), inputs, targets, threads=threads))


@pytest.mark.parametrize("hidden", [(17, 4, 33), (150, 3)])
def test_restored_parameters_learn_after_others_were_not_finite(hidden, rng):
    network = make(hidden, rng)
    inputs, targets = samples(rng, 20)
    expected = copy_of(network)
    learn(expected, inputs, targets)
    before = network.parameters.copy()
    sgd = PerSampleSGD(network, network.layer_rates(0.1))
    with np.errstate(all="ignore"):
        sgd.learn(inputs, targets * np.float32(np.inf), ones(inputs), np.zeros(1))
    network.parameters[:] = before
    sgd.pull()
    sgd.learn(inputs, targets, ones(inputs), np.zeros(1))
    sgd.push()
    assert (network.parameters == expected.parameters).all()


def test_samples_that_do_not_fit_are_refused(rng):
    inputs, targets = samples(rng, 4)
    with pytest.raises(ValueError, match="do not fit"):
        learn(make((4,), rng), inputs, targets[:3])
    with pytest.raises(ValueError, match="do not fit"):
        learn(make((4,), rng), inputs, targets[:, :2])
    for numbers in (np.ones(3, np.float32), np.ones((4, 1), np.float32)):
        with pytest.raises(ValueError, match="do not fit"):
            learn(make((4,), rng), inputs, targets, numbers)
        with pytest.raises(ValueError, match="do not fit"):
            learn(make((4,), rng), inputs, targets, factors=numbers)


def test_an_interruption_lets_the_other_threads_go(rng, monkeypatch):
    network = make((120,), rng)
    inputs, targets = samples(rng, 50)
    sgd = PerSampleSGD(network, network.layer_rates(0.1))
    learn_kernel = sgd_module._learn_kernel

    def interrupted(*arguments):
        if threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt
        learn_kernel(*arguments)

    monkeypatch.setattr(sgd_module, "_learn_kernel", interrupted)
    with pytest.raises(KeyboardInterrupt):  # and not a wait for ever
        sgd.learn(inputs, targets, ones(inputs), np.zeros(1), threads=2)


@kernel
def _take_turns(counts, thread, threads, rounds, log):
    for turn in range(rounds):
        log[thread] = turn
        barrier(counts, thread, threads)
        for other in range(threads):
            if log[other] != turn:
                log[threads] += 1
        barrier(counts, thread, threads)


@pytest.mark.parametrize("threads", [2, 3, 5])
def test_nobody_passes_the_barrier_alone(threads):
    counts, log = barrier_counts(threads), np.zeros(threads + 1, dtype=np.int64)
    workers = [
        threading.Thread(target=_take_turns, args=(counts, thread, threads, 300, log))
        for thread in range(threads)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert log.tolist() == [299] * threads + [0]


@kernel
def _take_all(counts, threads, taken):
    piece = next_task(counts, threads, 0)
    while piece < taken.size:
        taken[piece] += 1
        piece = next_task(counts, threads, 0)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_every_piece_of_work_is_taken_once(threads):
    counts, taken = barrier_counts(threads), np.zeros(100_000, dtype=np.int64)
    _take_all(barrier_counts(1), 1, np.zeros(1, dtype=np.int64))  # compiled before
    workers = [
        threading.Thread(target=_take_all, args=(counts, threads, taken)) for _ in range(threads)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert (taken == 1).all()


def test_a_released_barrier_holds_nobody():
    counts = barrier_counts(2)
    abort(counts)
    _take_turns(counts, 0, 2, 3, np.zeros(3, dtype=np.int64))
