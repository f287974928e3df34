"""Random networks as pictures."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fit_image.apps.dream import Dream, Dreamer, Sheet
from fit_image.config.layer_spec import parse_layers
from fit_image.errors import InputError
from naive import NaiveNetwork
from shell import Shell

shell = Shell("dream")
succeed, fail = shell.succeed, shell.fail

SMALL = ("--layers", "2x8", "--size", "24x16")


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def draw(width=20, height=20, share=0.0, **options):
    dreamer = Dreamer(Dream(layers=parse_layers("3x8"), **options))
    dreamer.turn(share)
    return dreamer.rows(width, height, 0, height)


@pytest.mark.parametrize("inputs", [("x", "y", "r"), ("r",), ("y", "x")])
def test_the_picture_is_what_the_network_makes_of_each_place(inputs):
    options = {"layers": parse_layers("6,residual:1x2x6"), "inputs": inputs, "latent": 3}
    dreamer = Dreamer(Dream(**options, scale=2.0))
    picture = dreamer.rows(8, 4, 0, 4)
    twin = NaiveNetwork.copy_of(dreamer.network)
    latent = dreamer._circle[0]
    for row, column in ((0, 0), (2, 4), (3, 7), (1, 6)):
        # The shorter side runs from -2 to 2, in pixels of 1.
        x, y = column - 3.5, row - 1.5
        place = {"x": x, "y": y, "r": np.hypot(x, y)}
        colour = twin.predict([*(place[name] for name in inputs), *latent])
        np.testing.assert_allclose(picture[row, column], np.array(colour) * 255, atol=0.51)


def test_a_larger_picture_is_the_same_picture():
    small, large = draw(11, 9), draw(33, 27)
    assert np.abs(small.astype(int) - large[1::3, 1::3]).max() <= 1


def test_the_radius_alone_makes_circles():
    picture = draw(21, 21, inputs=("r",))
    np.testing.assert_array_equal(picture, picture[::-1])
    np.testing.assert_array_equal(picture, picture.transpose(1, 0, 2))
    assert picture.std() > 1


def test_larger_weights_make_rougher_pictures():
    def roughness(deviation):
        picture = draw(64, 64, deviation=deviation).astype(float)
        return np.abs(np.diff(picture, axis=1)).mean()

    assert roughness(0.3) < roughness(0.6) < roughness(1.2)


def test_seeds_and_latent_numbers_change_the_picture_and_threads_do_not():
    assert (draw(seed=0) != draw(seed=1)).any()
    assert (draw(latent=4) != draw(latent=4, share=0.3)).any()
    one = Dreamer(Dream(), threads=1).rows(300, 300, 0, 300)
    np.testing.assert_array_equal(one, Dreamer(Dream(), threads=2).rows(300, 300, 0, 300))


def test_the_walk_through_the_latent_space_is_closed_and_even():
    walk = [draw(latent=4, share=index / 12).astype(int) for index in range(13)]
    assert np.abs(walk[12] - walk[0]).max() <= 1
    steps = [np.abs(after - before).mean() for before, after in itertools.pairwise(walk)]
    assert min(steps) > 0.5


def test_pieces_of_a_picture_are_the_whole():
    dreamer = Dreamer(Dream())
    whole = dreamer.rows(30, 20, 0, 20)
    parts = [dreamer.rows(30, 20, top, 7 if top < 14 else 6) for top in (0, 7, 14)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_a_sheet_shows_each_dream_in_its_place():
    dreamers = [Dreamer(Dream(seed=seed)) for seed in range(5)]
    picture = Sheet(dreamers, 3, 62, 41).picture()
    assert picture.shape == (41, 62, 3)
    for index, dreamer in enumerate(dreamers):
        row, column = divmod(index, 3)
        tile = dreamer.rows(20, 20, 0, 20)
        left, top = 21 * column, 21 * row
        np.testing.assert_array_equal(picture[top : top + 20, left : left + 20], tile)
    assert not picture[21:, 42:].any()


def test_the_command_draws_any_size_and_format():
    assert succeed(*SMALL).stdout == "dream.png\n"
    succeed(*SMALL, "--color", "grey", "-o", "grey.jpg")
    with Image.open("dream.png") as colour, Image.open("grey.jpg") as grey:
        assert (colour.size, colour.mode, grey.mode) == ((24, 16), "RGB", "L")


def test_deviations_are_columns_and_seeds_are_rows():
    size = ("--layers", "2x8", "--size")
    succeed(*size, "41x41", "--stddev", "0.3,0.9", "--grid", "2x2", "--seed", 4, "-o", "all.png")
    with Image.open("all.png") as image:
        sheet = np.asarray(image)
    for row, seed in enumerate((4, 5)):
        for column, deviation in enumerate((0.3, 0.9)):
            succeed(*size, "20x20", "--stddev", deviation, "--seed", seed, "-o", "one.png")
            with Image.open("one.png") as image:
                tile = sheet[21 * row : 21 * row + 20, 21 * column : 21 * column + 20]
                np.testing.assert_array_equal(tile, np.asarray(image))


def test_residual_blocks_are_layers():
    succeed("--residual", "3x2x5", "--size", "20x20", "-o", "one.png")
    succeed("--layers", "residual:3x2x5", "--size", "20x20", "-o", "two.png")
    assert Path("one.png").read_bytes() == Path("two.png").read_bytes()


def test_an_animation_goes_round():
    result = succeed(*SMALL, "--animate", "walk.png", "--frames", 8)
    assert result.stdout == "walk.png\n"
    assert [path.name for path in Path.cwd().iterdir()] == ["walk.png"]
    with Image.open("walk.png") as image:
        assert (image.n_frames, image.size) == (8, (24, 16))


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["-o", "dream.xyz"], ".xyz"),
        (["-o", "nowhere/dream.png"], "no folder"),
        (["--animate", "dream.txt"], ".txt"),
        (["--animate", "walk.gif", "--latent", "0"], "--latent"),
        (["--frames", "9"], "--animate"),
        (["--inputs", "x,z"], "x, y, r"),
        (["--inputs", "x,x"], "x, y, r"),
        (["--stddev", "much"], "--stddev"),
        (["--stddev", "-1"], "--stddev"),
        (["--residual", "24"], "residual:24"),
        (["--residual", "2x2x2", "--layers", "8"], "exclude"),
        (["--layers", "3x65000"], "GB of memory"),
        (["--grid", "3"], "columns and of rows such as 4x3"),
        (["--grid", "3x0"], "columns and of rows such as 4x3"),
        (["--grid", "30x30", "--size", "20x20"], "too few"),
        (["--grid", "1000x1000"], "more than 10,000"),
    ],
)
def test_bad_input_is_one_line(args, message):
    assert message in fail(*args)


def test_dreams_out_of_range_are_refused():
    for options in ({"scale": float("inf")}, {"channels": "rgba"}, {"activation": "step"}):
        with pytest.raises(InputError):
            Dream(**options)


def test_two_results_need_two_names():
    assert "same file" in fail("--animate", "a.gif", "-o", "./a.gif", "--size", "9x9")


def test_odd_destinations():
    os.mkfifo("pipe.png")
    Path("link.png").symlink_to("nothing.png")
    for output, problem in (("pipe.png", "not a regular file"), ("link.png", "a broken link")):
        assert problem in fail("-o", output, "--size", "9x9")
