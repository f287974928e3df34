"""Model files and drawing."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fit_image.apps.coordinates import unit_coordinates
from fit_image.apps.painting_network import FORMAT_VERSION, PaintingNetwork
from fit_image.errors import InputError
from fit_image.nn.encodings.fourier import Fourier
from fit_image.nn.encodings.hash_grid import HashGrid
from fit_image.nn.encodings.positional import Positional
from fit_image.nn.mlp.layer_spec import dense_stack
from fit_image.storage.npz import write_archive


@pytest.fixture
def network(rng):
    return PaintingNetwork(tuple(dense_stack(2, (5, 7), 3, 0.02)), (6, 4)).draw_params(1.0, rng)


@pytest.fixture
def saved(network, tmp_path):
    path = tmp_path / "model.npz"
    network.save(path)
    return path


def test_a_loaded_network_is_the_saved_one(network, saved):
    loaded = PaintingNetwork.load(saved)
    assert loaded.specs == network.specs
    assert loaded.size == (6, 4)
    assert loaded.parameters.tobytes() == network.parameters.tobytes()


def test_a_model_file_is_plain_numpy(network, saved):
    with np.load(saved, allow_pickle=False) as arrays:
        x = np.array([0.2, 0.7])
        for index, slope in enumerate(arrays["slopes"]):
            x = arrays[f"weights_{index}"] @ x + arrays[f"biases_{index}"]
            if arrays["activations"][index] == "leaky-relu":
                x = np.where(x >= 0, x, slope * x)
    np.testing.assert_allclose(network.predict([[0.2, 0.7]])[0], x, atol=1e-5)


@pytest.mark.parametrize(
    "inputs",
    [
        *([0.2, 0.7], [[1, 2, 3]], [[1, 2], [3]], [[[1, 2]]], [], None, 5, "abc"),
        *([["a", "b"]], [["0.1", "0.2"]], [[None, 1.0]], [[1j, 2.0]], [[10**400, 1]]),
        *(np.array([[np.nan, 1.0]], dtype=object), np.zeros((3, 2), "M8[s]")),
    ],
    ids=lambda inputs: repr(inputs)[:30],
)
def test_only_real_vectors_of_two_numbers_are_inputs(network, inputs):
    with pytest.raises(InputError, match=r"^inputs must be an array \(samples, 2\)") as caught:
        network.predict(inputs)
    assert caught.value.fields == ("inputs",)


@pytest.mark.parametrize("inputs", [np.array([[0, 1]], kind) for kind in ("?", "u1", ">i4", "f8")])
def test_inputs_of_any_real_type_are_places(network, inputs):
    expected = network.predict(np.array([[0, 1]], np.float32))
    np.testing.assert_array_equal(network.predict(inputs), expected)


@pytest.mark.parametrize("threads", [0, -1, 2.5, "a", True])
def test_threads_are_a_whole_number(network, threads):
    for use in (
        lambda: network.predict([[0, 1]], threads=threads),
        lambda: network.render(2, 2, threads=threads),
    ):
        with pytest.raises(InputError, match=r"^threads must be a whole number"):
            use()


def test_a_loaded_network_has_its_activations(tmp_path):
    activations = ["leaky-relu", "gabor", "sigmoid"]
    layers = dense_stack(2, (5, 7), 3, 0.3, activations=activations, omega=7.0, scale=2.5)
    PaintingNetwork(tuple(layers), (6, 4)).save(tmp_path / "model.npz")
    assert PaintingNetwork.load(tmp_path / "model.npz").specs == tuple(layers)


def load_error(path):
    with pytest.raises(InputError) as caught:
        PaintingNetwork.load(path)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert path.name in message
    return message


def test_a_missing_file(tmp_path):
    assert "does not exist" in load_error(tmp_path / "none.npz")


def test_a_folder_without_a_model(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="does not exist"):
        PaintingNetwork.load(tmp_path / "empty")


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04", b"\x89PNG\r\n\x1a\n" * 9])
def test_a_foreign_file(tmp_path, content):
    path = tmp_path / "x.npz"
    path.write_bytes(content)
    load_error(path)


def test_an_npz_of_another_program(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, weights=np.zeros(3))
    assert "not a fit-image model" in load_error(path)


def test_a_newer_version(network, tmp_path):
    path = tmp_path / "x.npz"
    write_archive(path, "model", FORMAT_VERSION + 1, network.to_arrays())
    assert "newer" in load_error(path)


def test_an_older_version(network, tmp_path):
    path = tmp_path / "x.npz"
    write_archive(path, "model", FORMAT_VERSION - 1, network.to_arrays())
    assert "older" in load_error(path)


def test_a_version_that_never_was(network, tmp_path):
    path = tmp_path / "x.npz"
    write_archive(path, "model", 0, network.to_arrays())
    assert "damaged" in load_error(path)


def test_a_pickle_is_never_run(network, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

    member = io.BytesIO()
    np.lib.format.write_array(member, np.array([Bomb()], dtype=object), allow_pickle=True)
    path = tmp_path / "x.npz"
    network.save(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("weights_9.npy", member.getvalue())
    assert "damaged" in load_error(path)


def test_a_zip_bomb_is_refused_unopened(network, tmp_path):
    path = tmp_path / "x.npz"
    network.save(path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("weights_9.npy", bytes(50_000_000))
    assert "unpacks to more than 200 times" in load_error(path)


def test_a_header_that_promises_too_much_allocates_nothing(network, tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": (10**7, 10**7)}
    )
    path = tmp_path / "x.npz"
    network.save(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("weights_9.npy", header.getvalue())
    assert "damaged" in load_error(path)


@pytest.mark.parametrize(
    "change",
    [
        {"weights_1": np.zeros((7, 6), np.float32)},
        {"weights_1": np.zeros((7, 5), np.float64)},
        {"weights_1": np.full((7, 5), np.nan, np.float32)},
        {"biases_0": np.zeros(4, np.float32)},
        {"weights_0": np.float32(1)},
        {"activations": np.array(["leaky-relu", "warp", "identity"])},
        {"activations": np.array(["identity"])},
        {"activations": np.float64(3)},
        {"slopes": np.zeros(2)},
        {"slopes": np.full(3, np.inf)},
        {"omegas": np.full(3, np.nan)},
        {"scales": np.zeros((3, 1))},
        {"size": np.array([0, 4])},
        {"size": np.array([6.0, 4.0])},
        {"weights_2": np.zeros((2, 7), np.float32), "biases_2": np.zeros(2, np.float32)},
    ],
)
def test_arrays_that_make_no_network(network, tmp_path, change):
    path = tmp_path / "x.npz"
    write_archive(path, "model", FORMAT_VERSION, network.to_arrays() | change)
    assert "damaged" in load_error(path)


ENCODINGS = [
    Positional(2, 3),
    Fourier(2, 4, 3.0, np.random.default_rng(0)),
    HashGrid(3, 2, 16, 2, 6, (6, 4)),
    HashGrid(3, 2, 16, 2, 6, (6, 4), 5),
]


def encoded(encoding, rng):
    layers = dense_stack(encoding.outputs, (5,), 3, 0.02)
    return PaintingNetwork(tuple(layers), (6, 4), encoding).draw_params(1.0, rng)


@pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda each: type(each).__name__)
def test_a_saved_encoding_comes_back(encoding, rng, tmp_path):
    network = encoded(encoding, rng)
    network.save(tmp_path / "x.npz")
    again = PaintingNetwork.load(tmp_path / "x.npz")
    assert again.is_like(network)
    assert again.parameters.tobytes() == network.parameters.tobytes()
    np.testing.assert_array_equal(again.render(5, 4), network.render(5, 4))


GRID = np.array([3, 2, 16, 2, 6, 6, 4])


@pytest.mark.parametrize(
    "change",
    [
        {"encoding": np.array("warp")},
        {"encoding": np.array("fourier")},
        {"encoding": np.array("none")},
        {"grid": GRID[:-1]},
        {"grid": GRID.astype(np.float64)},
        {"grid": GRID * -1},
        {"grid": GRID + np.array([10**9, 0, 0, 0, 0, 0, 0])},
        {"grid": GRID + np.array([0, 0, 1, 0, 0, 0, 0])},
        {"grid": np.array([*GRID, -1])},
        {"grid": np.array([*GRID, 0])},
        {"grid": np.array([*GRID, 5])},
        {"grid": np.array([*GRID, 5, 1])},
        {"tables": np.zeros(3, np.float32)},
        {"tables": np.full(HashGrid(3, 2, 16, 2, 6, (6, 4)).size, np.nan, np.float32)},
    ],
)
def test_arrays_that_make_no_grid(change, rng, tmp_path):
    path = tmp_path / "x.npz"
    arrays = encoded(HashGrid(3, 2, 16, 2, 6, (6, 4)), rng).to_arrays()
    write_archive(path, "model", FORMAT_VERSION, arrays | change)
    assert "damaged" in load_error(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    edits=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=8),
    cut=st.none() | st.integers(0, 10**6),
)
def test_any_damage_is_one_line_or_harmless(saved, tmp_path, edits, cut):
    data = bytearray(saved.read_bytes())
    for place, value in edits:
        data[place % len(data)] = value
    path = tmp_path / "fuzzed.npz"
    path.write_bytes(data if cut is None else data[: cut % len(data)])
    try:
        network = PaintingNetwork.load(path)
    except InputError as error:
        assert len(str(error).splitlines()) == 1
    else:
        assert np.isfinite(network.parameters).all()


def test_render_puts_x_along_rows_and_y_down(network):
    picture = network.render(6, 4)
    assert picture.shape == (4, 6, 3)
    x, y = 5 / 5, 1 / 3
    np.testing.assert_allclose(picture[1, 5], network.predict([[x, y]])[0], atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ((-1, 5), "width"),
        ((5, 3.5), "height"),
        (("3", 3), "width"),
        ((10**9, 10**9), "width"),
        ((5, 5, None), "region"),
        ((5, 5, (0, 0, 1)), "region"),
        ((5, 5, (0, 0, float("nan"), 1)), "region"),
    ],
)
def test_what_cannot_be_drawn_is_refused(network, arguments, field):
    with pytest.raises(InputError) as caught:
        network.render(*arguments)
    assert caught.value.fields == (field,)


def test_render_has_the_learned_size_unless_told(network):
    assert network.render().shape == (4, 6, 3)


def test_a_region_is_a_part_of_the_whole(network):
    whole = network.render(12, 12, (-0.5, -0.5, 1.5, 1.5))
    part = network.render(6, 6, (0.5, -0.5, 1.5, 0.5))
    np.testing.assert_allclose(part, whole[:6, 6:], atol=1e-5)


def test_regions_that_touch_share_no_column(network):
    left, right = (network.render(9, 4, (x, 0.0, x + 0.5, 1.0)) for x in (0.0, 0.5))
    whole = network.render(18, 4)
    np.testing.assert_array_equal(np.concatenate([left, right], axis=1), whole)


@pytest.mark.parametrize("factor", [1, 3, 5])
def test_a_larger_picture_holds_the_learned_pixels(network, factor):
    larger = network.render(factor * 6, factor * 4)
    middle = factor // 2
    np.testing.assert_array_equal(larger[middle::factor, middle::factor], network.render())
    if factor > 1:
        assert (larger[0, 0] != network.render()[0, 0]).any()


def test_strips_make_the_same_picture(network):
    picture = network.render(400, 300)
    assert len(list(network.render_strips(400, 300))) > 1
    sides = (unit_coordinates(count, side) for count, side in ((400, 6), (300, 4)))
    coordinates = np.stack(np.meshgrid(*sides), axis=-1)
    whole = network.predict(coordinates.reshape(-1, 2)).reshape(picture.shape)
    np.testing.assert_allclose(picture, whole, atol=1e-6)


@pytest.mark.parametrize("path", [None, 3, b"model.npz", np.zeros(3)], ids=repr)
def test_a_network_is_loaded_from_a_path_only(path):
    with pytest.raises(InputError, match="path of a model file or of a run's folder, as text"):
        PaintingNetwork.load(path)
