"""Encodings against their float64 twins, central differences, and learning with the network."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from test_minibatch import learn_all
from test_per_sample_sgd import learn

from fit_image.apps.fit.architecture import make_network
from fit_image.config import encoding_spec
from fit_image.config.encoding_spec import GridSpec, parse_encoding
from fit_image.config.fit import FitConfig
from fit_image.errors import InputError
from fit_image.nn.encodings.fourier import Fourier
from fit_image.nn.encodings.hash_grid import HashGrid
from fit_image.nn.encodings.positional import Positional
from fit_image.nn.encodings.registry import ENCODINGS
from fit_image.nn.mlp.layer_spec import dense_stack
from fit_image.nn.mlp.mlp import MLP
from fit_image.nn.optimizers.adam import AdamW
from fit_image.nn.optimizers.registry import OPTIMIZERS
from fit_image.nn.optimizers.touched import Notes, Touched
from fit_image.nn.optimizers.touched_steps import step_touched
from fit_image.nn.runtime.jit import kernel
from fit_image.nn.training.minibatch import Minibatch
from naive import naive_grid, naive_grid_shape, naive_waves
from passes import passes

# Levels with an entry for each crossing, and hashed ones; of pictures wide and high.
GRIDS = [
    (3, 2, 32, 2, 9, (30, 20)),
    (2, 1, 16, 3, 8, (5, 9)),
    (1, 4, 64, 4, 4, (7, 7)),
    (2, 3, 4, 5, 50, (7, 7)),
    # Of columns and rows, too: fewer than the entries of a level, and more.
    (2, 2, 32, 2, 9, (30, 20), 12),
    (1, 1, 8, 3, 3, (5, 9), 40),
]


@kernel
def _touched_kernel(code, vectors, notes, units, constants):
    step_touched(code, vectors, notes, units, constants)


def take_step(optimizer, parameters, gradient, notes, units=(0, 0, 1), *, scale=1.0, number=1):
    """A step of rate 0.1 along what is noted."""
    scalars = np.float32(0.1), np.float32(scale), number
    constants = np.array(optimizer.touched_constants(*scalars), dtype=np.float32)
    vectors = optimizer.vectors(parameters, gradient)
    _touched_kernel(optimizer.code, vectors, notes, units, constants)


def runs(starts, length):
    """Notes of one unit."""
    units, counts = np.array([[0, 0, 0, len(starts) + 1]]), np.full((1, 8), len(starts))
    return Notes(units, np.asarray(starts), counts, length)


def encodings():
    yield Positional(2, 4)
    yield Fourier(2, 5, 3.0, np.random.default_rng(0))
    for grid in GRIDS:
        yield HashGrid(*grid)


def name_of(encoding):
    return f"{type(encoding).__name__}-{encoding.outputs}"


every_encoding = pytest.mark.parametrize("encoding", list(encodings()), ids=name_of)


def make(encoding, rng, hidden=(6,)):
    network = MLP(dense_stack(encoding.outputs, hidden, 3, 0.01), encoding)
    network.draw_params(1.0, rng)
    for part in tables_of(network):
        part[:] = rng.standard_normal(part.shape)
    return network


def tables_of(network, vector=None):
    encoding = network.encoding
    return list(encoding.parts(network.tables(vector))) if encoding.levels else []


def twin_of(encoding):
    """Return a function of a place and tables, in float64."""
    if isinstance(encoding, HashGrid):
        shape = naive_grid_shape(*encoding.to_arrays()["grid"].tolist())
        return lambda x, tables: naive_grid(x, tables, shape)
    frequencies = np.asarray(encoding.frequencies, dtype=np.float64)
    return lambda x, tables: naive_waves(x, frequencies)


def places(rng, count):
    return rng.random((count, 2), dtype=np.float32)


def test_every_encoding_has_a_notation():
    assert list(ENCODINGS) == list(encoding_spec.ENCODINGS)


@every_encoding
def test_an_encoding_equals_its_naive_twin(encoding, rng):
    network, twin = make(encoding, rng), twin_of(encoding)
    inputs = np.concatenate(
        (places(rng, 40), np.array(list(itertools.product((0, 0.5, 1), repeat=2)), np.float32))
    )
    expected = [twin([float(v) for v in x], tables_of(network)) for x in inputs]
    np.testing.assert_allclose(network.encode(inputs), expected, atol=1e-5)


def test_entries_of_a_large_table_equal_those_of_the_naive_twin(rng):
    encoding = HashGrid(1, 2, 1 << 20, 1 << 20, 1 << 20, (1, 1))  # by which places stay exact
    network, inputs = make(encoding, rng), places(rng, 200)
    expected = [twin_of(encoding)(x.tolist(), tables_of(network)) for x in inputs]
    np.testing.assert_allclose(network.encode(inputs), expected, atol=1e-5)


def test_positional_waves_are_octaves_along_each_axis(rng):
    x, y = places(rng, 1)[0].tolist()
    angles = [np.pi * 2**k * v for k in range(3) for v in (x, y)]
    found = make(Positional(2, 3), rng).encode(np.array([[x, y]], np.float32))[0]
    np.testing.assert_allclose(found, [*np.cos(angles), *np.sin(angles)], atol=1e-5)


def test_fourier_frequencies_have_the_deviation_asked_for():
    frequencies = Fourier(2, 2000, 7.0, np.random.default_rng(3)).frequencies
    assert frequencies.std() == pytest.approx(7.0, rel=0.05)
    assert abs(frequencies.mean()) < 0.5


@pytest.mark.parametrize("grid", GRIDS)
def test_outside_the_picture_a_grid_is_mirrored(grid, rng):
    network = make(HashGrid(*grid), rng)
    inside = places(rng, 30)
    expected = network.encode(inside)
    for outside in (-inside, 2 - inside, inside + 2, inside - 4):
        np.testing.assert_allclose(network.encode(outside.astype(np.float32)), expected, atol=1e-4)


@every_encoding
@pytest.mark.parametrize("place", [np.nan, np.inf, -np.inf])
def test_what_is_no_place_becomes_no_number(encoding, place, rng):
    network = make(encoding, rng)
    encoded = network.encode(np.array([[place, 0.5], [0.5, 0.5]], dtype=np.float32))
    assert not np.isfinite(encoded[0]).all()
    assert np.isfinite(encoded[1]).all()


@every_encoding
def test_gradients_equal_central_differences(encoding, rng):
    network, twin = make(encoding, rng), twin_of(encoding)
    inputs, upstream = places(rng, 6), rng.standard_normal((6, encoding.outputs), np.float32)
    tables = [part.astype(np.float64) for part in tables_of(network)]
    gradient = np.zeros_like(network.parameters)
    units, touched = range(len(encoding.units)), Touched(encoding.units, encoding.entry_size)
    encoding.add_gradient(units, inputs, upstream, network.tables(gradient), touched)
    by_inputs = encoding.input_gradient(network.tables(), inputs, upstream)

    def loss(x):
        return sum(
            np.dot(twin(row, tables), weights) for row, weights in zip(x, upstream, strict=True)
        )

    step = 1e-5
    exact = inputs.astype(np.float64)
    for part, found in zip(tables, tables_of(network, gradient), strict=True):
        for index in np.ndindex(part.shape):
            kept = part[index]
            part[index] = kept + step
            above = loss(exact)
            part[index] = kept - step
            below = loss(exact)
            part[index] = kept
            assert found[index] == pytest.approx((above - below) / (2 * step), rel=1e-3, abs=1e-4)
    for index in np.ndindex(inputs.shape):
        shifted = exact.copy()
        shifted[index] += step
        above = loss(shifted)
        shifted[index] -= 2 * step
        numeric = (above - loss(shifted)) / (2 * step)
        assert by_inputs[index] == pytest.approx(numeric, rel=1e-3, abs=1e-3)


@every_encoding
def test_a_network_carries_gradients_through_its_encoding(encoding, rng):
    network = make(encoding, rng)
    plain = MLP(network.specs)
    plain.parameters[:] = network.parameters[encoding.size :]
    inputs, upstream = places(rng, 5), rng.standard_normal((5, 3), np.float32)
    outputs, gradient, by_inputs = passes(network, inputs, upstream)
    encoded = network.encode(inputs)
    plain_outputs, plain_gradient, by_encoded = passes(plain, encoded, upstream)
    np.testing.assert_array_equal(outputs, plain_outputs)
    np.testing.assert_array_equal(gradient[encoding.size :], plain_gradient)
    expected = encoding.input_gradient(network.tables(), inputs, by_encoded)
    np.testing.assert_allclose(by_inputs, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(network.predict(inputs), outputs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "encoding", [Positional(2, 4), Fourier(2, 5, 3.0, np.random.default_rng(0))], ids=name_of
)
def test_per_sample_training_sees_what_is_encoded(encoding, rng):
    network = make(encoding, rng)
    plain = MLP(network.specs)
    plain.parameters[:] = network.parameters
    inputs, targets = places(rng, 50), rng.random((50, 3), dtype=np.float32)
    loss = learn(network, inputs, targets, lr=0.1)
    assert learn(plain, network.encode(inputs), targets, lr=0.1) == loss
    assert plain.parameters.tobytes() == network.parameters.tobytes()


def teach(network, name, batch, rate=0.05, **options):
    optimizer = OPTIMIZERS[name](network.parameters.size)
    rates = network.rates(rate, by_fan_in=optimizer.rate_of_layer)
    return Minibatch(network, optimizer, rates, batch, **options)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("grid", GRIDS)
def test_of_a_batch_the_tables_learn_where_it_touches_them(name, grid, rng):
    network = make(HashGrid(*grid), rng)
    inputs, targets = places(rng, 3), rng.random((3, 3), dtype=np.float32)
    _, gradient, _ = passes(network, inputs, lambda outputs: outputs - targets)
    touched = network.tables(gradient) != 0
    before = network.tables().copy()
    learn_all(teach(network, name, 3), inputs, targets)
    moved = network.tables() - before
    assert touched.any()
    assert not touched.all()
    assert (moved[touched] * network.tables(gradient)[touched] < 0).all()
    assert not moved[~touched].any()
    if name == "adam":  # the first step is one learning rate, whatever the gradient
        np.testing.assert_allclose(np.abs(moved[touched]), 0.05, rtol=1e-3)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_touched_runs_learn_as_the_whole_table_does(name, rng):
    """Where every entry is touched, sweeping the entries or the whole is the same."""
    first = rng.standard_normal(80, dtype=np.float32)
    gradients = rng.standard_normal((5, 80), dtype=np.float32)
    gradients[:, ::5] = gradients[:, :16] = 0
    results = []
    for starts, length in ((np.arange(0, 64, 2), 2), (np.array([0]), 64)):
        optimizer, parameters = OPTIMIZERS[name](80), first.copy()
        for number, gradient in enumerate(gradients, 1):
            g, notes = gradient.copy(), runs(starts, length)
            take_step(optimizer, parameters, g, notes, (16, 0, 1), scale=0.5, number=number)
            assert not g.any()
            assert not notes.counts[0, 0]
        results.append(parameters)
    np.testing.assert_array_equal(*results)
    np.testing.assert_array_equal(results[0][::5], first[::5])
    assert (results[0] != first).sum() == 64 - 12


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_step_is_that_of_its_units_alone(name, rng):
    """One with few touched entries, one with so many that it is swept, and one with a few less."""
    units = np.array([[0, 64], [64, 128], [128, 192]])
    parameters = rng.standard_normal(192, dtype=np.float32)
    gradient = rng.standard_normal(192, dtype=np.float32)
    found = []
    for alone in (True, False):
        touched, optimizer = Touched(units, 2), OPTIMIZERS[name](192)
        p, g = parameters.copy(), gradient.copy()
        for unit, (count, (_, _, notes, room)) in enumerate(
            zip((3, 9, 8), touched.notes.units.tolist(), strict=True)
        ):
            assert room == 9
            touched.notes.counts[unit, 0] = count
            touched.notes.starts[notes : notes + count] = units[unit, 0] + 2 * np.arange(count)
        for edges in ((0, 1), (1, 3)) if alone else ((0, 3),):
            take_step(optimizer, p, g, touched.notes, (0, *edges))
        assert not touched.notes.counts.any()
        found.append((p, g))
        moved = np.flatnonzero(p != parameters).tolist()
        assert moved == [*range(6), *range(64, 128), *range(128, 144)]
        assert np.flatnonzero(g == 0).tolist() == moved
    np.testing.assert_array_equal(*found)


def test_a_grid_is_cut_into_regions_at_cache_lines():
    for grid in GRIDS:
        encoding = HashGrid(*grid)
        parts = encoding.units.reshape(len(encoding.spans), -1, 2)
        np.testing.assert_array_equal(parts[:, [0, -1], [0, 1]], encoding.spans)
        np.testing.assert_array_equal(parts[:, 1:, 0], parts[:, :-1, 1])
        starts = parts[parts[..., 0] < parts[..., 1]][:, 0]
        assert not (starts % 16).any()
        assert len(encoding.unit_work(100)) == len(encoding.units)


@pytest.mark.parametrize(("entries", "finest"), [(2**10, 60), (2**14, 240)])
def test_whoever_adds_to_a_unit_the_gradient_is_the_same(entries, finest, rng):
    encoding = HashGrid(3, 2, entries, 4, finest, (60, 40), 400)
    inputs = rng.random((300, 2), dtype=np.float32)
    grad_y = rng.standard_normal((300, encoding.outputs), np.float32)
    results = set()
    for edges in ((0, 80), (0, 5, 16, 31, 33, 48, 70, 80), range(81)):
        gradient, touched = np.zeros(encoding.size, np.float32), Touched(encoding.units, 2)
        for half in (slice(0, 120), slice(120, 300)):
            for first, stop in itertools.pairwise(edges):
                some = inputs[half], grad_y[half], gradient
                encoding.add_gradient(range(first, stop), *some, touched)
        notes = touched.notes
        noted = [
            np.sort(notes.starts[first : first + count]).tobytes()
            for first, count in zip(notes.units[:, 2], notes.counts[:, 0], strict=True)
        ]
        results.add((gradient.tobytes(), *noted))
    assert len(results) == 1


def test_a_step_is_the_same_whether_few_entries_are_noted_or_all(rng):
    encoding = HashGrid(3, 2, 2**10, 4, 60, (60, 40), 400)
    inputs = rng.random((300, 2), dtype=np.float32)
    grad_y = rng.standard_normal((300, encoding.outputs), np.float32)
    units, results, noted = range(len(encoding.units)), set(), []
    for at_once in (300, 1):
        gradient, touched = np.zeros(encoding.size, np.float32), Touched(encoding.units, 2)
        for first in range(0, 300, at_once):
            some = slice(first, first + at_once)
            encoding.add_gradient(units, inputs[some], grad_y[some], gradient, touched)
        noted.append(touched.notes.counts[:, 0] < touched.notes.units[:, 3])
        optimizer, parameters = OPTIMIZERS["adam"](encoding.size), gradient.copy()
        take_step(optimizer, parameters, gradient, touched.notes, (0, 0, len(units)))
        assert not gradient.any()
        results.add((parameters.tobytes(), optimizer.state["second_moment"].tobytes()))
    assert not noted[0].any()
    assert noted[1].any()
    assert len(results) == 1


@pytest.mark.parametrize("batch", [7, 100, 300])
@pytest.mark.parametrize("micro_batch", [None, 64])
def test_the_number_of_threads_changes_no_bit_of_the_tables(batch, micro_batch, rng):
    grid = 3, 2, 2**11, 3, 60, (60, 40), 400
    first = make(HashGrid(*grid), rng, hidden=(30, 20))
    inputs, targets = places(rng, 700), rng.random((700, 3), dtype=np.float32)
    results = set()
    for plan in ([1], [2], [3], [8], [1, 8, 2, 3]):
        network = MLP(first.specs, HashGrid(*grid))
        network.parameters[:] = first.parameters
        learner = teach(network, "adam", batch, micro_batch=micro_batch)
        loss, position, threads = np.zeros(1), 0, itertools.cycle(plan)
        while position < 700:
            some = slice(position, position + min(learner.next_cut(batch), 700 - position))
            samples = inputs[some], targets[some], np.ones(len(inputs[some]), np.float32)
            learner.learn(*samples, loss, threads=next(threads))
            position = some.stop
        learner.finish(loss)
        results.add((network.parameters.tobytes(), loss.tobytes()))
    assert len(results) == 1


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("none", "none"),
        ("positional:8", "positional:8"),
        ("fourier:128@10", "fourier:128@10"),
        ("fourier:64@2.5", "fourier:64@2.5"),
        ("grid", "grid:levels=8,features=2"),
        ("grid:levels=4,entries=2^10,finest=99", "grid:levels=4,features=2,entries=1024,finest=99"),
        ("grid:axes=9", "grid:levels=8,features=2,axes=9"),
        ("grid:axes=0", "grid:levels=8,features=2"),
    ],
)
def test_an_encoding_is_read_and_written(text, written):
    spec = parse_encoding(text)
    assert str(spec) == written
    assert parse_encoding(str(spec)) == spec


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is not an encoding"),
        ("hash", "is not an encoding"),
        ("none:1", "takes no arguments"),
        ("positional", "1 to 16"),
        ("positional:0", "1 to 16"),
        ("positional:17", "1 to 16"),
        ("positional:\u0663", "1 to 16"),
        ("fourier:10", "N must be 1 to 8192"),
        ("fourier:0@1", "N must be 1 to 8192"),
        ("fourier:10@0", "N must be 1 to 8192"),
        ("fourier:10@nan", "N must be 1 to 8192"),
        ("fourier:10@inf", "N must be 1 to 8192"),
        ("grid:", "must be NAME=NUMBER"),
        ("grid:levels=0", "levels must be 1 to 32"),
        ("grid:levels=2,levels=3", "at most once"),
        ("grid:size=2", "a name of levels, features"),
        ("grid:entries=1000", "power of 2"),
        ("grid:entries=2^30", "entries must be 1 to"),
        ("grid:coarsest=20,finest=10", "finest must be at least"),
        ("grid:axes=2^21", "axes must be 0 to 1048576"),
    ],
)
def test_what_is_no_encoding_is_refused(text, problem):
    with pytest.raises(InputError, match=problem):
        parse_encoding(text)


@pytest.mark.parametrize(
    "size", [(1, 1), (32, 20), (300, 429), (6000, 4000), (5000, 1), (2**21, 1)]
)
def test_a_grid_fits_every_picture(size):
    spec = GridSpec().for_picture(*size)
    assert spec == spec.for_picture(*size)
    assert parse_encoding(str(spec)) == spec
    encoding = HashGrid(spec.levels, spec.features, spec.entries, spec.coarsest, spec.finest, size)
    assert encoding.num_params <= 8 * 2 * min((size[0] + 1) * (size[1] + 1) + 3, 1 << 20)


def test_an_encoding_comes_back_from_its_arrays():
    for encoding in encodings():
        again = type(encoding).from_arrays(encoding.to_arrays(), encoding.inputs)
        assert type(again) is type(encoding)
        for name, array in encoding.to_arrays().items():
            np.testing.assert_array_equal(again.to_arrays()[name], array)
        assert (again.size, again.outputs) == (encoding.size, encoding.outputs)


def test_the_schedule_holds_for_the_tables_too(rng):
    network = make(HashGrid(*GRIDS[0]), rng)
    inputs, targets = places(rng, 20), rng.random((20, 3), dtype=np.float32)
    before = network.parameters.copy()
    learner = teach(network, "adam", 5)
    learn_all(learner, inputs, targets, factors=np.zeros(20, dtype=np.float32))
    np.testing.assert_array_equal(network.parameters, before)


def test_moments_of_untouched_numbers_stay():
    parameters, gradient = np.zeros(8, np.float32), np.ones(8, np.float32)
    optimizer = AdamW(8, 0.0)
    take_step(optimizer, parameters, gradient, runs([0], 8))
    before = {name: state.copy() for name, state in optimizer.state.items()}
    gradient[:] = [1, 1, 1, 1, 0, 0, 0, 0]
    take_step(optimizer, parameters, gradient, runs([0], 8))
    for name, state in optimizer.state.items():
        np.testing.assert_array_equal(state[4:], before[name][4:])
        assert (state[:4] != before[name][:4]).all()


def test_adamw_takes_its_share_off_touched_numbers_alone():
    moved = []
    for decay in (0.0, 0.5):
        parameters, gradient = np.full(8, 2.0, np.float32), np.ones(8, np.float32)
        gradient[4:] = 0
        optimizer = AdamW(8, decay)
        take_step(optimizer, parameters, gradient, runs([0], 8))
        moved.append(parameters)
    np.testing.assert_allclose(moved[0] - moved[1], [0.1 * 0.5 * 2.0] * 4 + [0.0] * 4, rtol=1e-5)


@pytest.mark.parametrize(
    ("encoding", "inputs", "widening"), [("none", 2, 2), ("fourier:8@3", 16, 1), ("grid", 16, 1)]
)
def test_waves_begin_as_what_they_see_asks_for(encoding, inputs, widening):
    config = FitConfig(layers="400", activation="sine", encoding=encoding)
    network = make_network(config.for_picture(20, 20), (20, 20), 3)
    (weights, _), _ = network.weights()
    assert weights.shape[1] == inputs
    assert np.abs(weights).max() == pytest.approx(widening / inputs, rel=0.01)
