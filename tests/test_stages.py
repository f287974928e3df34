"""Stages of chains, one table of them, against float64 twins and central differences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from fit_image.nn.cross_entropy import cross_entropy
from fit_image.nn.layers.batch_norm import BatchNorm
from fit_image.nn.layers.convolution.conv2d import Conv2D
from fit_image.nn.layers.dense import Dense
from fit_image.nn.layers.dropout import Dropout
from fit_image.nn.layers.layer import PARTS, Layer, Workers
from fit_image.nn.layers.max_pool import MaxPool2D
from fit_image.nn.layers.upsample import UpSample2D
from fit_image.nn.network import Network
from fit_image.nn.runtime.arrays import aligned_zeros
from naive_stages import (
    NaiveConvolution,
    NaiveDense,
    NaiveNormalisation,
    NaiveNothing,
    NaivePooling,
    NaiveUpsampling,
    naive_cross_entropy,
)


@dataclass
class Case:
    """A stage and its twin.

    ``samples`` is a batch's number, such that the twin is quick; ``smooth`` says that differences
    of some length tell the gradient; ``deviation`` is that of parameters with which sums are
    about 1.
    """

    stage: Layer
    twin: Any
    samples: int = 5
    smooth: bool = True
    deviation: float = 0.3


def dense(inputs, units, samples=5, deviation=0.3, **activation):
    stage, twin = Dense(inputs, units, **activation), NaiveDense(units, **activation)
    return Case(stage, twin, samples, _smooth(activation), deviation)


def convolution(inputs, units, side, stride, samples=5, deviation=0.3, **activation):
    stage = Conv2D(inputs, units, side, stride, **activation)
    twin = NaiveConvolution(units, side, stride, **activation)
    return Case(stage, twin, samples, _smooth(activation), deviation)


def normalisation(shape, samples=5, **activation):
    stage = BatchNorm(shape, **activation)
    return Case(stage, NaiveNormalisation(shape[-1], **activation), samples, _smooth(activation))


def pooling(inputs, side):
    return Case(MaxPool2D(inputs, side), NaivePooling(side), smooth=False)


def upsampling(inputs, height, width, factor):
    stage = UpSample2D(inputs, height, width, factor)
    return Case(stage, NaiveUpsampling(height, width, factor))


def _smooth(activation):
    return activation.get("activation") not in ("relu", "leaky-relu")


LEAKY = {"activation": "leaky-relu", "slope": 0.2}
CASES = {
    "dense": lambda: dense((7,), 16),
    "dense, 11 units": lambda: dense((24,), 11, activation="tanh"),
    "dense, 1 unit": lambda: dense((3,), 1, samples=PARTS - 1, activation="sigmoid"),
    "dense, 40 units": lambda: dense((19,), 40, activation="softplus"),
    "dense, sine": lambda: dense((9,), 17, activation="sine", omega=1.5),
    "dense, leaky": lambda: dense((33,), 11, **LEAKY),
    "dense, relu, 32 units": lambda: dense((17,), 32, activation="relu"),
    "dense, 32 inputs": lambda: dense((32,), 16, activation="tanh"),
    "dense, pictures": lambda: dense((4, 5, 3), 11, activation="softplus"),
    "dense, many samples": lambda: dense((6,), 11, samples=203, activation="tanh"),
    "dense, many inputs": lambda: dense((351,), 11, deviation=0.1, activation="tanh"),
    "convolution of digits": lambda: convolution((26, 26, 1), 11, 5, 2, samples=3),
    "convolution, leaky": lambda: convolution((13, 7, 3), 16, 5, 2, deviation=0.1, **LEAKY),
    "convolution, stride 1": lambda: convolution(
        (7, 7, 5), 19, 5, 1, deviation=0.1, activation="tanh"
    ),
    "convolution, side 3": lambda: convolution((13, 7, 3), 11, 3, 2, activation="softplus"),
    "convolution, side 3, stride 1": lambda: convolution((6, 5, 2), 3, 3, 1, activation="sigmoid"),
    "convolution, 1 unit": lambda: convolution((9, 8, 7), 1, 3, 1, activation="sigmoid"),
    "convolution, 8 maps, 8 units": lambda: convolution(
        (6, 19, 8), 8, 3, 1, deviation=0.1, activation="tanh"
    ),
    "convolution, wide picture": lambda: convolution((21, 30, 1), 2, 3, 1, 2, activation="tanh"),
    "convolution, even side": lambda: convolution((5, 6, 2), 5, 4, 1, activation="tanh"),
    "convolution, side 1, stride 1": lambda: convolution((5, 6, 3), 4, 1, 1),
    "convolution, side beyond picture, stride 1": lambda: convolution((2, 3, 2), 6, 5, 1),
    "convolution, stride beyond side": lambda: convolution((7, 8, 2), 4, 1, 3),
    "convolution, side beyond picture": lambda: convolution((2, 3, 2), 4, 5, 2),
    "convolution, one picture": lambda: convolution((13, 7, 3), 11, 5, 2, 1, activation="tanh"),
    "convolution, many pictures": lambda: convolution(
        (4, 4, 2), 11, 3, 2, samples=8 * 50, activation="tanh"
    ),
    "normalisation": lambda: normalisation((4, 3, 5)),
    "normalisation, 16 maps": lambda: normalisation((3, 16), samples=40),
    "normalisation, tanh": lambda: normalisation((4, 4, 18), activation="tanh"),
    "normalisation, leaky": lambda: normalisation((3, 3, 19), **LEAKY),
    "normalisation of vectors": lambda: normalisation((11,), PARTS - 1, activation="sigmoid"),
    "normalisation, one sample": lambda: normalisation((3, 3, 5), 1),
    "dropout, not training": lambda: Case(Dropout((3, 5), 0.4), NaiveNothing()),
    "pooling": lambda: pooling((6, 8, 3), 2),
    "pooling, cut off": lambda: pooling((7, 5, 19), 3),
    "pooling, side beyond picture": lambda: pooling((3, 2, 8), 4),
    "upsampling": lambda: upsampling((3, 2, 5), 6, 4, 2),
    "upsampling, cut off": lambda: upsampling((3, 2, 19), 7, 5, 3),
    "upsampling, factor beyond picture": lambda: upsampling((1, 1, 8), 2, 3, 4),
}


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]()


def normal(rng, *shape):
    return rng.standard_normal(shape, dtype=np.float32)


def used(case, vector):
    """The numbers of a vector that are parameters, as views, and one array of them."""
    return case.twin.split(vector)


def ready(case, rng):
    """Return a chain of the stage alone with parameters, none of them zero, and a batch."""
    chain = Network([case.stage])
    for numbers in used(case, chain.parameters):
        numbers[:] = case.deviation * normal(rng, *numbers.shape)
    # Not of mean 0 and deviation 1, so that normalisation has something to do.
    inputs = 0.3 + 0.8 * normal(rng, case.samples, *case.stage.inputs)
    return chain, inputs.astype(np.float32)


def there_and_back(chain, inputs, by_outputs, threads=2, passage=None, **options):
    """Return outputs, gradient by parameters, and by inputs."""
    passage, workers = passage or chain.passage(len(inputs)), Workers(threads)
    outputs = chain.forward(inputs, passage, workers, options.get("rng")).copy()
    gradient = chain.zeros()
    below = chain.backward(passage, by_outputs, workers, gradient, to_inputs=True)
    return outputs, gradient, below.copy()


def assert_close(found, expected, share=3e-6):
    """Assert that nothing is wrong by more than a share of the largest number."""
    size = np.abs(expected).max(initial=1e-3)
    np.testing.assert_allclose(found, expected, rtol=0, atol=share * size)


def test_dense_outputs_of_any_shape_are_as_many_as_units():
    assert Dense((3,), 12, outputs=(2, 3, 2)).outputs == (2, 3, 2)
    with pytest.raises(ValueError, match="12 units"):
        Dense((3,), 12, outputs=(2, 3))


def test_a_stage_equals_its_naive_twin(case, rng):
    chain, inputs = ready(case, rng)
    by_outputs = normal(rng, case.samples, *case.stage.outputs)
    parameters = [numbers.astype(np.float64) for numbers in used(case, chain.parameters)]
    doubles = inputs.astype(np.float64)
    expected = case.twin.forward(parameters, doubles)
    by_parameters, by_inputs = case.twin.backward(parameters, doubles, by_outputs.astype(float))

    outputs, gradient, below = there_and_back(chain, inputs, by_outputs)
    assert outputs.shape == expected.shape
    assert_close(outputs, expected)
    for found, exact in zip(used(case, gradient), by_parameters, strict=True):
        assert_close(found, exact, 1e-5)
    assert_close(below, by_inputs, 1e-5)


def test_a_stage_counts_its_parameters(case):
    vector = np.zeros(case.stage.size, dtype=np.float32)
    assert sum(numbers.size for numbers in used(case, vector)) == case.stage.parameter_count
    assert Network([case.stage]).parameter_count == case.stage.parameter_count


@pytest.mark.parametrize("name", [name for name, make in CASES.items() if make().smooth])
def test_the_gradient_is_what_small_changes_make_of_the_loss(name, rng):
    case = CASES[name]()
    chain, inputs = ready(case, rng)
    by_outputs = normal(rng, case.samples, *case.stage.outputs)
    _, gradient, below = there_and_back(chain, inputs, by_outputs)
    passage, workers = chain.passage(len(inputs)), Workers(1)

    def loss():
        outputs = chain.forward(inputs, passage, workers)
        return float((outputs.astype(np.float64) * by_outputs).sum())

    pairs = list(zip(used(case, chain.parameters), used(case, gradient), strict=True))
    for numbers, derivatives in [*pairs, (inputs, below)]:
        found, expected = [], []
        for place in rng.permutation(numbers.size)[:25]:
            index = np.unravel_index(place, numbers.shape)
            before, changed = numbers[index], []
            for step in (-0.02, -0.01, 0.01, 0.02):
                numbers[index] = before + np.float32(step)
                changed.append((float(numbers[index]), loss()))
            numbers[index] = before
            (a, f), (b, g), (c, h), (d, i) = changed
            # The error of the wide difference is four times that of the narrow one.
            expected.append((4 * (h - g) / (c - b) - (i - f) / (d - a)) / 3)
            found.append(derivatives[index])
        size = max(np.abs(derivatives).max(), np.abs(by_outputs).max())
        np.testing.assert_allclose(found, expected, rtol=0, atol=3e-4 * size)


@pytest.mark.parametrize("samples", [1, PARTS - 1, None])
def test_the_number_of_threads_changes_no_bit(case, samples, rng):
    chain, inputs = ready(case, rng)
    inputs = inputs[:samples]
    by_outputs = normal(rng, len(inputs), *case.stage.outputs)
    results = [
        there_and_back(chain, inputs, by_outputs, threads, rng=np.random.default_rng(3))
        for threads in (1, 2, 3)
    ]
    for others in results[1:]:
        for one, other in zip(results[0], others, strict=True):
            np.testing.assert_array_equal(one, other)


def test_the_gradient_is_added_and_padding_stays_zero(case, rng):
    chain, inputs = ready(case, rng)
    by_outputs = normal(rng, case.samples, *case.stage.outputs)
    _, once, _ = there_and_back(chain, inputs, by_outputs)
    passage, workers, gradient = chain.passage(case.samples), Workers(2), chain.zeros()
    for numbers in used(case, gradient):
        numbers[:] = 1.0
    for _ in range(2):
        chain.forward(inputs, passage, workers)
        chain.backward(passage, by_outputs, workers, gradient)
    for numbers, single in zip(used(case, gradient), used(case, once), strict=True):
        assert_close(numbers, 1.0 + 2.0 * single.astype(np.float64))
        numbers[:] = 0.0
    assert not gradient.any()


def test_the_gradient_takes_the_place_of_another(case, rng):
    chain, inputs = ready(case, rng)
    by_outputs = normal(rng, case.samples, *case.stage.outputs)
    _, once, _ = there_and_back(chain, inputs, by_outputs)
    passage, workers, gradient = chain.passage(case.samples), Workers(2), chain.zeros()
    for numbers in used(case, gradient):
        numbers[:] = np.nan
    chain.forward(inputs, passage, workers)
    chain.backward(passage, by_outputs, workers, gradient, add=False)
    np.testing.assert_array_equal(gradient, once)
    chain.forward(inputs[:0], passage, workers)
    chain.backward(passage, by_outputs[:0], workers, gradient, add=False)
    assert not gradient.any()


def test_either_gradient_may_be_left_out(case, rng):
    chain, inputs = ready(case, rng)
    by_outputs = normal(rng, case.samples, *case.stage.outputs)
    _, gradient, below = there_and_back(chain, inputs, by_outputs)
    passage, workers = chain.passage(case.samples), Workers(2)

    chain.forward(inputs, passage, workers)
    alone = chain.backward(passage, by_outputs, workers, to_inputs=True)
    np.testing.assert_array_equal(alone, below)
    chain.forward(inputs, passage, workers)
    other = chain.zeros()
    assert chain.backward(passage, by_outputs, workers, other) is None
    np.testing.assert_array_equal(other, gradient)
    chain.forward(inputs, passage, workers)
    assert chain.backward(passage, by_outputs, workers) is None


def test_a_stage_that_changes_its_own_parameters_takes_the_step_of_its_gradient(case, rng):
    chain, inputs = ready(case, rng)
    by_outputs = normal(rng, case.samples, *case.stage.outputs)
    _, gradient, below = there_and_back(chain, inputs, by_outputs)
    expected = chain.parameters - 0.25 * gradient.astype(np.float64)
    parameters = chain.parameters.copy()
    for to_inputs in (False, True):
        chain.parameters[:] = parameters
        passage, workers = chain.passage(case.samples), Workers(2)
        chain.forward(inputs, passage, workers)
        if to_inputs:
            found = aligned_zeros(*below.shape)
            case.stage.backward(
                chain.part(chain.parameters, 0),
                *passage.values,
                passage.kept[0],
                by_outputs.copy(),
                chain.part(chain.parameters, 0),
                found,
                workers,
                -0.25,
            )
            np.testing.assert_array_equal(found, below)
        else:
            chain.descend(passage, by_outputs, workers, [0.25])
        assert_close(chain.parameters, expected)


def test_a_smaller_batch_after_a_larger_one_is_as_if_it_were_alone(case, rng):
    chain, inputs = ready(case, rng)
    larger, passage = np.concatenate([inputs + 1, inputs, inputs]), chain.passage(3 * case.samples)
    there_and_back(chain, larger, normal(rng, len(larger), *case.stage.outputs), 2, passage)
    by_outputs = normal(rng, case.samples, *case.stage.outputs)
    again = there_and_back(chain, inputs, by_outputs, 2, passage)
    alone = there_and_back(chain, inputs, by_outputs)
    for one, other in zip(again, alone, strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(passage.output) == case.samples


def test_first_parameters_leave_padding_zero_and_biases_too(case, rng):
    chain = Network([case.stage]).initialise(rng)
    numbers = used(case, chain.parameters)
    if numbers:
        assert numbers[0].all()
        assert not numbers[1].any()
    for each in numbers:
        each[:] = 0.0
    assert not chain.parameters.any()


def mixed():
    """Every kind of stage, and their twins."""
    cases = [
        convolution((9, 8, 2), 11, 3, 2, **LEAKY),
        normalisation((5, 4, 11), activation="tanh"),
        Case(Dropout((5, 4, 11), 0.5), NaiveNothing()),
        dense((5, 4, 11), 11, activation="softplus"),
        dense((11,), 3),
    ]
    return Network([case.stage for case in cases]), [case.twin for case in cases]


def test_a_chain_equals_its_twins_one_after_the_other(rng):
    chain, twins = mixed()
    chain.initialise(rng)
    assert chain.inputs == (9, 8, 2)
    assert chain.outputs == (3,)
    inputs, by_outputs = normal(rng, 6, 9, 8, 2), normal(rng, 6, 3)
    parts = []
    for index, twin in enumerate(twins):
        numbers = twin.split(chain.part(chain.parameters, index))
        for each in numbers:
            each += 0.1 * normal(rng, *each.shape)
        parts.append([each.astype(np.float64) for each in numbers])
    values = [inputs.astype(np.float64)]
    for twin, part in zip(twins, parts, strict=True):
        values.append(twin.forward(part, values[-1]))
    upstream, gradients = by_outputs.astype(np.float64), []
    for twin, part, value in reversed(list(zip(twins, parts, values[:-1], strict=True))):
        gradient, upstream = twin.backward(part, value, upstream)
        gradients.insert(0, gradient)

    outputs, gradient, below = there_and_back(chain, inputs, by_outputs)
    assert_close(outputs, values[-1])
    assert_close(below, upstream, 2e-5)
    for index, (twin, expected) in enumerate(zip(twins, gradients, strict=True)):
        for found, exact in zip(twin.split(chain.part(gradient, index)), expected, strict=True):
            assert_close(found, exact, 2e-5)
            found[:] = 0.0
    assert not gradient.any()


@pytest.mark.parametrize("samples", [1, 5, 40])
def test_a_chain_that_trains_has_the_same_bits_for_any_number_of_threads(samples, rng):
    chain, _ = mixed()
    chain.initialise(rng)
    inputs, by_outputs = normal(rng, samples, 9, 8, 2), normal(rng, samples, 3)
    results = [
        there_and_back(chain, inputs, by_outputs, threads, rng=np.random.default_rng(5))
        for threads in (1, 2, 3)
    ]
    for others in results[1:]:
        for one, other in zip(results[0], others, strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_chain_descends_with_a_rate_for_each_stage(rng):
    chain, _ = mixed()
    chain.initialise(rng)
    inputs, by_outputs = normal(rng, 6, 9, 8, 2), normal(rng, 6, 3)
    _, gradient, _ = there_and_back(chain, inputs, by_outputs)
    rates, expected = [0.3, 0.1, 7.0, 0.0, 0.02], chain.parameters.astype(np.float64)
    for index, rate in enumerate(rates):
        chain.part(expected, index)[:] -= rate * chain.part(gradient, index)
    results = []
    parameters = chain.parameters.copy()
    for threads in (1, 2, 3):
        chain.parameters[:] = parameters
        passage, workers = chain.passage(6), Workers(threads)
        chain.forward(inputs, passage, workers)
        chain.descend(passage, by_outputs, workers, rates)
        results.append(chain.parameters.copy())
        np.testing.assert_array_equal(results[0], results[-1])
    assert_close(results[0], expected)
    with pytest.raises(ValueError, match="4 rates are not one for each of 5 stages"):
        chain.descend(passage, by_outputs, workers, rates[1:])


def test_no_thread_changes_what_another_still_reads(rng):
    chain = Network([Dense((300,), 400), Dense((400,), 30)]).initialise(rng)
    inputs, by_outputs = normal(rng, 96, 300), normal(rng, 96, 30)
    first, passage, results = chain.parameters.copy(), chain.passage(96), []
    for workers in (Workers(1), Workers(3)):
        for _ in range(60):
            chain.parameters[:] = first
            chain.forward(inputs, passage, workers)
            chain.descend(passage, by_outputs, workers, [0.5, 0.5])
            results.append(chain.parameters.copy())
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


def test_workers_are_as_many_as_asked_for():
    for threads in (1, 2, 5):
        seen = []
        Workers(threads).run(lambda counts, thread, most, seen=seen: seen.append((thread, most)))
        assert sorted(seen) == [(thread, threads) for thread in range(threads)]
    with pytest.raises(ValueError, match="0 threads"):
        Workers(0)


def test_normalisation_of_what_is_nearly_or_wholly_constant(rng):
    stage = BatchNorm((7, 3))
    chain = Network([stage]).initialise(rng)
    inputs = np.float32(1000) + np.float32(0.1) * normal(rng, 60, 7, 3)
    inputs[..., 2] = 1_234_567.0
    passage = chain.passage(60)
    outputs = chain.forward(inputs, passage, Workers(2))
    twin = NaiveNormalisation(3)
    expected = twin.sums(twin.split(chain.parameters.astype(np.float64)), inputs.astype(np.float64))
    np.testing.assert_allclose(outputs, expected, atol=5e-3)
    assert outputs[..., 0].std() > 0.5


def test_stages_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        Network([Dense((3,), 4), Dense((5,), 1)])
    with pytest.raises(ValueError, match="do not fit"):
        Network([Conv2D((4, 4, 1), 3, 3, 1), Dense((4 * 4 * 3,), 1)])


def test_a_chain_without_stages_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        Network([])


def test_more_samples_than_there_is_memory_for_are_refused(rng):
    chain = Network([Dense((3,), 4)]).initialise(rng)
    with pytest.raises(ValueError, match="3 samples are more than 2"):
        chain.forward(normal(rng, 3, 3), chain.passage(2), Workers(1))


def test_samples_of_another_shape_are_refused(rng):
    chain = Network([Dense((3, 2), 4)]).initialise(rng)
    for shape in ((2, 6), (2, 2, 3), (3, 2), (2, 3, 1)):
        with pytest.raises(ValueError, match="do not fit"):
            chain.forward(normal(rng, *shape), chain.passage(3), Workers(1))


def test_a_gradient_that_kernels_cannot_fill_is_refused(rng):
    chain = Network([Dense((3,), 4)]).initialise(rng)
    inputs, by_outputs = normal(rng, 2, 3), normal(rng, 2, 4)
    passage, workers = chain.passage(2), Workers(1)
    chain.forward(inputs, passage, workers)
    size = chain.parameters.size
    for gradient in (aligned_zeros(size - 16), aligned_zeros(size + 1)[1:]):
        with pytest.raises(ValueError, match="zeros"):
            chain.backward(passage, by_outputs, workers, gradient)


def test_an_empty_batch_leaves_no_gradient(rng):
    chain, _ = mixed()
    chain.initialise(rng)
    inputs, by_outputs = normal(rng, 0, 9, 8, 2), normal(rng, 0, 3)
    outputs, gradient, below = there_and_back(chain, inputs, by_outputs, passage=chain.passage(4))
    assert outputs.shape == (0, 3)
    assert below.shape == (0, 9, 8, 2)
    assert not gradient.any()


def test_dropout_keeps_a_share_and_the_mean(rng):
    chain, inputs = Network([Dropout((100, 10), 0.65)]), 1.0 + rng.random((50, 100, 10), np.float32)
    outputs, _, below = there_and_back(chain, inputs, np.full_like(inputs, 2.0), rng=rng)
    kept = outputs != 0.0
    # Five deviations of a share of 50,000.
    assert abs(kept.mean() - 0.65) < 5 * np.sqrt(0.65 * 0.35 / kept.size)
    assert abs(outputs.mean() / inputs.mean() - 1.0) < 0.02
    np.testing.assert_allclose(outputs[kept], inputs[kept] / np.float32(0.65), rtol=1e-6)
    np.testing.assert_allclose(below, np.where(kept, 2.0 / 0.65, 0.0), rtol=1e-6)


def test_dropout_draws_another_mask_each_time_and_none_without_a_generator(rng):
    chain, inputs = Network([Dropout((200,), 0.5)]), np.ones((3, 200), np.float32)
    passage, workers = chain.passage(3), Workers(1)
    first = chain.forward(inputs, passage, workers, rng).copy()
    assert (first != chain.forward(inputs, passage, workers, rng)).any()
    np.testing.assert_array_equal(chain.forward(inputs, passage, workers), inputs)
    below = chain.backward(passage, inputs, workers, to_inputs=True)
    np.testing.assert_array_equal(below, inputs)


@pytest.mark.parametrize("keep", [0.0, -0.1, 1.1, float("nan")])
def test_dropout_refuses_to_keep_what_is_no_share(keep):
    with pytest.raises(ValueError, match="dropout keeps a share"):
        Dropout((3,), keep)


def test_dropout_that_keeps_all_changes_nothing(rng):
    inputs = normal(rng, 3, 7)
    outputs, _, _ = there_and_back(Network([Dropout((7,), 1.0)]), inputs, inputs, rng=rng)
    np.testing.assert_array_equal(outputs, inputs)


def test_pooling_gives_the_gradient_to_the_first_largest_and_passes_on_what_is_no_number():
    inputs = np.zeros((1, 4, 2, 1), np.float32)
    inputs[0, 1:3, :, 0] = [[2.0, 2.0], [1.0, np.nan]]
    outputs, _, below = there_and_back(
        Network([MaxPool2D((4, 2, 1))]), inputs, np.full((1, 2, 1, 1), 3.0, np.float32)
    )
    np.testing.assert_array_equal(outputs.ravel(), [2.0, np.nan])
    np.testing.assert_array_equal(below[0, ..., 0], [[0, 0], [3, 0], [0, 3], [0, 0]])


def test_pooling_and_upsampling_refuse_sizes_that_do_not_fit():
    with pytest.raises(ValueError, match="at least 1, not 0"):
        MaxPool2D((4, 4, 1), 0)
    with pytest.raises(ValueError, match="at least once, not 0"):
        UpSample2D((4, 4, 1), 4, 4, 0)
    for height, width in ((9, 6), (6, 6), (8, 7), (8, 4)):
        with pytest.raises(ValueError, match=f"4 x 3 numbers .* do not make {height} x {width}"):
            UpSample2D((4, 3, 2), height, width)


def drawn(stage, twin, rng):
    return twin.split(Network([stage]).initialise(rng).parameters)


def test_first_weights_of_dense_layers_are_normal(rng):
    for deviation in (0.02, 0.5):
        stage = Dense((20, 10), 101, deviation=deviation)
        weights, _ = drawn(stage, NaiveDense(101), rng)
        assert weights.std() == pytest.approx(deviation, rel=0.03)
        assert abs(weights.mean()) < 0.03 * deviation
        assert 0.03 < (np.abs(weights) > 2 * deviation).mean() < 0.06  # of a normal, 4.6 %


def test_first_weights_of_convolutions_are_normal_up_to_two_deviations(rng):
    for deviation in (0.02, 0.5):
        stage = Conv2D((8, 8, 7), 101, 5, 2, deviation=deviation)
        weights, _ = drawn(stage, NaiveConvolution(101, 5, 2), rng)
        largest = np.abs(weights).max() / deviation
        assert 1.99 < largest < 2.0001
        assert weights.std() == pytest.approx(0.87963 * deviation, rel=0.03)
        assert abs(weights.mean()) < 0.03 * deviation
        # Drawn again, not cut off: no heap at the end.
        assert (np.abs(weights) > 1.99 * deviation).mean() < 0.005


def test_first_scales_are_about_one(rng):
    scales, _ = drawn(BatchNorm((3, 1000)), NaiveNormalisation(1000), rng)
    assert scales.mean() == pytest.approx(1.0, abs=0.005)
    assert scales.std() == pytest.approx(0.02, rel=0.15)


@pytest.mark.parametrize("spread", [1.0, 30.0])
def test_cross_entropy_equals_the_naive_twin(spread, rng):
    logits, labels = spread * normal(rng, 40, 11), rng.integers(0, 11, 40)
    judged = cross_entropy(logits, labels)
    twins = [naive_cross_entropy(row, label) for row, label in zip(logits, labels, strict=True)]
    np.testing.assert_allclose(judged.losses, [loss for loss, _ in twins], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(judged.gradient, [gradient for _, gradient in twins], atol=1e-7)
    likeliest = [max(range(11), key=row.__getitem__) for row in logits.tolist()]
    np.testing.assert_array_equal(judged.predictions, likeliest)
    assert judged.accuracy == np.mean(labels == np.array(likeliest))
    assert judged.gradient.dtype == np.float32


def test_cross_entropy_of_large_logits_is_exact():
    logits = np.array([[1e4, -1e4, 0.0], [1e4, -1e4, 0.0], [1e4, 1e4, -1e4]], dtype=np.float32)
    judged = cross_entropy(logits, np.array([0, 1, 1]))
    np.testing.assert_allclose(judged.losses, [0.0, 2e4, np.log(2.0)], rtol=1e-12)
    gradient = [[0.0, 0.0, 0.0], [1.0, -1.0, 0.0], [0.5, -0.5, 0.0]]
    np.testing.assert_array_equal(judged.gradient, np.array(gradient, dtype=np.float32))
    assert judged.accuracy == pytest.approx(1 / 3)


def test_the_gradient_of_cross_entropy_is_what_small_changes_make_of_it(rng):
    logits, labels = normal(rng, 4, 5), np.array([0, 4, 2, 2])
    gradient, step = cross_entropy(logits, labels).gradient, np.float32(2.0**-8)
    for index in np.ndindex(4, 5):
        losses = []
        for sign in (-1, 1):
            changed = logits.astype(np.float64)
            changed[index] += sign * step
            losses.append(cross_entropy(changed, labels).losses.sum())
        assert gradient[index] == pytest.approx((losses[1] - losses[0]) / (2 * step), abs=2e-6)


def test_cross_entropy_of_nothing_is_nothing():
    judged = cross_entropy(np.empty((0, 3), np.float32), np.empty(0, np.int64))
    assert judged.losses.shape == (0,)
    assert judged.gradient.shape == (0, 3)
    assert judged.accuracy == 0.0


@pytest.mark.parametrize("labels", [[0, 3], [-1, 0], [0], [0, 1, 2], [[0, 1]]])
def test_labels_that_do_not_fit_are_refused(labels):
    with pytest.raises(ValueError, match="do not fit"):
        cross_entropy(np.zeros((2, 3), np.float32), np.array(labels))
