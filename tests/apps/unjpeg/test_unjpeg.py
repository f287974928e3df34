"""Networks that remove JPEG's artefacts, as a library."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw
from threadpoolctl import threadpool_limits

from fit_image.apps.unjpeg.config import UnjpegConfig
from fit_image.apps.unjpeg.model import Restorer
from fit_image.apps.unjpeg.network import layer_rows, make_network
from fit_image.apps.unjpeg.patches.extractor import PatchExtractor, are_flat, padded, patch_starts
from fit_image.apps.unjpeg.patches.loader import PatchLoader, rmse
from fit_image.apps.unjpeg.patches.pictures import (
    PictureFolder,
    find_pictures,
    make_pairs,
    measure,
    split_folder,
)
from fit_image.apps.unjpeg.restoration import Restoration
from fit_image.apps.unjpeg.scoring import score
from fit_image.apps.unjpeg.trainer import PatchTrainer
from fit_image.apps.unjpeg.whitening import Whitening
from fit_image.config.layer_spec import Hidden, parse_qualities
from fit_image.config.registry import SUBSAMPLINGS
from fit_image.errors import DivergenceError, InputError
from fit_image.images.fidelity import psnr
from fit_image.images.formats.jpeg import Compression, quality_of, subsampling_of
from fit_image.images.ycbcr import from_ycbcr, to_ycbcr
from fit_image.nn.runtime.threads import ThreadPool
from fit_image.storage.dataclass_json import from_json, to_json

SMALL = UnjpegConfig(block=8, layers=(Hidden(24),), quality="30", batch_size=20, patches=400)
QUICK = replace(SMALL, optimizer="adam", difference=True, learning_rate=0.003, average=0.9)


def jpeg_of(levels, **options):
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "JPEG", **options)
    return file


def screen(seed, width=96, height=80):
    """Words on coloured paper: what JPEG likes least."""
    rng = np.random.default_rng(seed)
    paper, ink = [("white", "darkred"), ("navy", "yellow")][seed % 2]
    picture = Image.new("RGB", (width, height), paper)
    draw = ImageDraw.Draw(picture)
    for top in range(4, height, 14):
        draw.text((3, top), "".join(map(chr, rng.integers(97, 123, 14))), fill=ink)
    return np.asarray(picture)


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "clean"
    (path / "more").mkdir(parents=True)
    for seed in range(8):
        Image.fromarray(screen(seed)).save(path / ("more" if seed % 2 else ".") / f"{seed}.png")
    return path


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    path = tmp_path_factory.mktemp("many")
    for seed in range(32):
        Image.fromarray(screen(seed, 200, 160)).save(path / f"{seed}.png")
    return path


def trained(folder, config, epochs=1):
    trainer = PatchTrainer(split_folder(folder, config), config, threads=1)
    for _ in range(epochs):
        while not trainer.epoch_is_over:
            trainer.train_step()
        trainer.end_epoch()
    return trainer


def test_colours_come_back_as_they_were():
    every = np.stack(np.meshgrid(*[np.arange(0, 256, 5)] * 3), axis=-1).astype(np.uint8)
    assert (from_ycbcr(to_ycbcr(every)) == every).all()


def test_colours_are_those_of_the_standard():
    red, white = to_ycbcr(np.array([[255, 0, 0], [255, 255, 255]], np.uint8))
    assert red == pytest.approx([0.299, -0.299 / 1.772 + 0.5, 1.0], abs=1e-6)
    assert white == pytest.approx([1.0, 0.5, 0.5], abs=1e-6)


@pytest.mark.parametrize("quality", [1, 10, 30, 50, 85, 95])
def test_the_quality_is_read_from_a_file(quality):
    file = io.BytesIO()
    Image.fromarray(screen(0)).save(file, "JPEG", quality=quality)
    assert quality_of(Image.open(file)) == quality


def test_no_quality_where_there_is_no_jpeg():
    assert quality_of(Image.new("RGB", (8, 8))) is None
    assert subsampling_of(Image.new("RGB", (8, 8))) is None


@pytest.mark.parametrize("behind", [0, 1], ids=["JPEG", "MPO"])
@pytest.mark.parametrize("subsampling", [*SUBSAMPLINGS, None])
def test_a_camera_file_of_several_pictures_is_known_as_its_first(behind, subsampling):
    picture, file = Image.fromarray(screen(0)), io.BytesIO()
    if subsampling is None:
        picture = picture.convert("L")
    more = [picture.resize((40, 30))] * behind
    options = {"subsampling": subsampling} if subsampling else {}
    picture.save(file, "MPO", quality=77, save_all=True, append_images=more, **options)
    again = Image.open(file)
    assert again.format == ("MPO" if behind else "JPEG")
    assert (quality_of(again), subsampling_of(again)) == (77, subsampling)


def test_the_quality_is_that_of_the_table_of_the_first_component():
    data = jpeg_of(screen(0), quality=40).getvalue()
    at = data.index(b"\xff\xdb")  # two segments of 69 bytes, one for each table
    swapped = data[:at] + data[at + 69 : at + 138] + data[at : at + 69] + data[at + 138 :]
    assert swapped != data
    assert quality_of(Image.open(io.BytesIO(swapped))) == 40


@pytest.mark.parametrize("text", ["", "0", "101", "90-30", "x", "30-", "-5", "30-101", "1e1"])
def test_qualities_that_are_none(text):
    with pytest.raises(InputError, match="not a JPEG quality"):
        parse_qualities(text)


def test_qualities():
    assert parse_qualities("85") == (85, 85)
    assert parse_qualities("30-90") == (30, 90)


@pytest.mark.parametrize(
    "change",
    [
        {"block": 12},
        {"block": 0},
        {"subsampling": "4:1:1"},
        {"optimizer": "lion"},
        {"patches": 10},
        {"batch_size": 0},
        {"layers": (Hidden(5, "sine"),)},
        {"average": 1.0},
        {"learning_rate": -1.0},
    ],
)
def test_recipes_that_are_refused(change):
    with pytest.raises(InputError) as caught:
        replace(SMALL, **change)
    assert next(iter(change)) in caught.value.fields


def test_configs_are_json_both_ways():
    assert from_json(UnjpegConfig, json.loads(json.dumps(to_json(SMALL)))) == SMALL


def test_patches_are_cut_at_every_block_and_normalised():
    picture = padded(screen(1, 37, 29), 16)
    assert picture.shape == (32, 40, 3)
    starts = patch_starts(32, 40, 16)
    assert len(starts) == 3 * 4
    extractor = PatchExtractor(16, 0.4, 0.2)
    patches = np.empty((len(starts), extractor.size), np.float32)
    extractor.cut(picture.ravel(), starts, np.full(len(starts), 120), patches)
    numbers = (to_ycbcr(picture) - 0.4) / 0.2
    for index, (top, left) in enumerate((y, x) for y in (0, 8, 16) for x in (0, 8, 16, 24)):
        expected = numbers[top : top + 16, left : left + 16].ravel()
        assert patches[index] == pytest.approx(expected, abs=1e-4)


def test_the_edge_is_repeated():
    picture = screen(2, 13, 9)
    wide = padded(picture, 8)
    assert wide.shape == (16, 16, 3)
    assert (wide[9:, 13:] == picture[-1, -1]).all()


def test_flat_patches_are_found():
    picture = np.full((8, 24, 3), 7, np.uint8)
    picture[5, 20, 2] = 8
    starts = patch_starts(8, 24, 8)
    assert are_flat(picture.ravel(), starts, np.full(3, 72), 8).tolist() == [True, True, False]


def test_flat_patches_are_not_learned_from(tmp_path):
    picture = np.full((16, 64, 3), 200, np.uint8)
    picture[:, 40:44] = 0
    Image.fromarray(picture).save(tmp_path / "a.png")
    (found,), skipped = find_pictures(tmp_path)
    pairs = make_pairs(
        PictureFolder(tmp_path, (found,), (), tuple(skipped)), [found], SMALL, (0,), shift=False
    )
    columns = (pairs.starts // 3) % 64
    assert 0 < len(columns) < 16
    assert columns.min() >= 24


def test_mean_and_deviation_are_those_of_the_pictures(folder):
    found, skipped = find_pictures(folder)
    numbers = np.concatenate([to_ycbcr(screen(seed)).ravel() for seed in range(8)])
    measured = measure(PictureFolder(folder, tuple(found), (), tuple(skipped)))
    assert measured == pytest.approx((numbers.mean(), numbers.std()), rel=1e-4)


def test_whole_pictures_validate_and_none_of_them_is_learned_from(folder):
    split = split_folder(folder, SMALL)
    assert len(split.training) == 6
    assert len(split.validation) == 2
    assert not {each.file for each in split.training} & {each.file for each in split.validation}
    other = split_folder(folder, replace(SMALL, seed=5))
    assert {each.file for each in other.validation} != {each.file for each in split.validation}


def test_files_that_are_no_pictures_are_left_out(folder):
    (folder / "notes.txt").write_text("no picture")
    Image.new("RGB", (4, 400)).save(folder / "thin.png")
    skipped = split_folder(folder, SMALL).skipped
    assert {file.name for file in skipped} == {"notes.txt", "thin.png"}


def test_pictures_that_turn_out_to_be_damaged_are_left_out_and_known(folder):
    whole = split_folder(folder, SMALL)
    cut = whole.training[2].file
    cut.write_bytes(cut.read_bytes()[:-200])
    split = split_folder(folder, SMALL)
    assert not split.skipped
    assert not split.damaged
    loader = PatchLoader(split, SMALL, PatchExtractor(SMALL.block, *measure(split)))
    batches(loader, 40)
    assert split.damaged == {cut}


def test_a_folder_needs_two_pictures(tmp_path):
    with pytest.raises(InputError, match="holds no pictures"):
        split_folder(tmp_path, SMALL)
    Image.fromarray(screen(0)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="only one picture"):
        split_folder(tmp_path, SMALL)


def loader_of(folder, config=SMALL, **options):
    split = split_folder(folder, config)
    return PatchLoader(split, config, PatchExtractor(config.block, 0.5, 0.25), **options)


def batches(loader, count):
    found = []
    for _ in range(count):
        loader.next()
        found.append((loader.inputs.copy(), loader.targets.copy()))
    return found


one_or_more_groups = pytest.mark.parametrize(
    "group_pixels", [1 << 24, 1 << 14], ids=["one group", "groups"]
)


@one_or_more_groups
def test_a_loader_can_be_resumed_anywhere(folder, group_pixels):
    loader = loader_of(folder, group_pixels=group_pixels)
    for count in (3, 40):  # within a group, and passes later
        batches(loader, count)
        other = loader_of(folder, group_pixels=group_pixels)
        other.load_state_dict(loader.state_dict())
        for mine, theirs in zip(batches(loader, 30), batches(other, 30), strict=True):
            assert (mine[0] == theirs[0]).all()
            assert (mine[1] == theirs[1]).all()


def test_a_pass_shows_every_patch_once_and_shifts_the_next(folder):
    loader = loader_of(folder)
    pairs, order = loader.current_group()
    assert sorted(order) == list(range(len(pairs.starts)))
    count = len(order) // SMALL.batch_size
    first = np.concatenate([inputs for inputs, _ in batches(loader, count)])
    second = np.concatenate([inputs for inputs, _ in batches(loader, count)])
    seen = {patch.tobytes() for patch in first}
    assert sum(patch.tobytes() in seen for patch in second) < 0.5 * len(second)


@one_or_more_groups
def test_every_picture_is_shown_in_every_pass(tmp_path, group_pixels):
    rng = np.random.default_rng(0)
    for name in range(8):
        noise = rng.integers(0, 256, (80, 96, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{name}.png")
    loader = loader_of(tmp_path, replace(SMALL, batch_size=1), group_pixels=group_pixels)
    orders = []
    for number in range(3):
        orders.append(np.concatenate(loader.groups(number)).tolist())
        assert sorted(orders[-1]) == list(range(6))
        count = 0
        while loader.pass_index == number:
            loader.next()
            count += 1
        # Of each, 10 rows of 12 patches; a shift leaves 9 of 11 at least.
        assert 6 * 9 * 11 <= count <= 6 * 10 * 12 + 1
    assert orders[0] != orders[1] != orders[2]


def picture_folder(path, picture):
    Image.fromarray(picture).save(path / "a.png")
    (found,), skipped = find_pictures(path)
    return PictureFolder(path, (found,), (), tuple(skipped)), found


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:0"])
def test_pictures_are_compressed_as_the_recipe_says(subsampling, tmp_path):
    folder, found = picture_folder(tmp_path, screen(1))
    config = replace(SMALL, subsampling=subsampling)
    pairs = make_pairs(folder, [found], config, (0,), shift=False)
    # As the source has them: progressive.
    file = io.BytesIO()
    Image.fromarray(screen(1)).save(
        file, "JPEG", quality=30, subsampling=subsampling, progressive=True
    )
    with Image.open(file) as picture:
        expected = np.asarray(picture.convert("RGB"))
    assert (pairs.damaged == padded(expected, 8).ravel()).all()
    assert (pairs.clean == padded(screen(1), 8).ravel()).all()


def test_qualities_of_a_range_all_come(tmp_path):
    folder, found = picture_folder(tmp_path, screen(1))
    config = replace(SMALL, quality="30-33")
    known = {Compression(each).apply(screen(1)).tobytes(): each for each in range(20, 45)}
    seen = {
        known[make_pairs(folder, [found], config, (n,), shift=False).damaged.tobytes()]
        for n in range(40)
    }
    assert seen == {30, 31, 32, 33}


def test_oversampling_prefers_patches_with_larger_errors(folder):
    def mean_error(config):
        found = batches(loader_of(folder, config), 40)
        return np.mean([rmse(inputs - targets).mean() for inputs, targets in found])

    assert mean_error(replace(SMALL, oversample=2.0)) > 1.15 * mean_error(SMALL)


def test_too_few_patches_for_a_batch(folder):
    loader = loader_of(folder, replace(SMALL, batch_size=60_000, patches=60_000))
    with pytest.raises(InputError, match="--batch-size"):
        loader.next()


@pytest.mark.parametrize(
    ("change", "least"),
    [
        ({}, 1.2),
        ({"whiten": True, "learning_rate": 0.001}, 1.5),
        ({"whiten": True, "learning_rate": 0.001, "average": 0.0, "oversample": 0.5}, 1.5),
        ({"optimizer": "sgd", "learning_rate": 0.1, "average": 0.0}, 0.4),
        ({"optimizer": "sgd", "learning_rate": 0.1, "average": 0.0, "difference": False}, -2.0),
    ],
)
def test_it_learns_to_undo_what_jpeg_does(many, change, least):
    config = replace(QUICK, layers=(Hidden(64),), patches=12_000, **change)
    trainer = trained(many, config, 2)
    restoration = Restoration(trainer.model())
    scores = list(score(restoration, trainer.validation, Compression(30)))
    assert np.mean([each.gain for each in scores]) > least


def test_the_whole_and_the_difference_begin_differently(folder):
    damaged = Compression(30).apply(screen(3))
    split = split_folder(folder, QUICK)
    unchanged = PatchTrainer(split, QUICK).model()
    assert (unchanged.restore(damaged) == damaged).all()
    random = PatchTrainer(split, replace(QUICK, difference=False)).model()
    assert psnr(random.restore(damaged), damaged) < 25


@pytest.mark.parametrize("config", [SMALL, QUICK, replace(QUICK, whiten=True)])
def test_a_training_goes_on_with_the_same_bits(folder, config):
    def begin():
        return PatchTrainer(split_folder(folder, config), config, threads=1)

    whole, first = begin(), begin()
    for _ in range(30):
        if whole.epoch_is_over:
            whole.end_epoch()
        whole.train_step()
    for _ in range(13):
        first.train_step()
    second = begin()
    second.resume_from(first.checkpoint())
    for _ in range(17):
        if second.epoch_is_over:
            second.end_epoch()
        second.train_step()
    assert (whole.trained.network.parameters == second.trained.network.parameters).all()
    assert (whole.trained.averaged_params == second.trained.averaged_params).all()
    assert whole.validate() == second.validate()


def test_threads_change_no_bit(folder):
    found = []
    for threads in (1, 3):
        config = replace(QUICK, whiten=True)
        trainer = PatchTrainer(split_folder(folder, config), config, threads=threads)
        for _ in range(5):
            trainer.train_step()
        restored = trainer.model().restore(screen(1), threads=threads)
        found.append((trainer.trained.network.parameters.copy(), restored))
    assert (found[0][0] == found[1][0]).all()
    assert (found[0][1] == found[1][1]).all()


def test_whitening_does_not_depend_on_the_threads_of_linear_algebra():
    rng = np.random.default_rng(3)
    samples = rng.normal(size=(2000, 300)).cumsum(axis=1, dtype=np.float32)
    found = []
    for threads in (1, 2, 5):
        with threadpool_limits(threads, user_api="blas"):
            whitening = Whitening(samples, 2000, ThreadPool(1))
            white = whitening.apply(samples).copy()
        found.append(whitening.state_dict()["whitening"])
    assert found[0].tobytes() == found[1].tobytes() == found[2].tobytes()
    # A direction has the sign of which its largest component is positive, and the least variance
    # comes first.
    matrix = found[0][: 300 * 304].reshape(300, 304)[:, :300]
    largest = np.abs(matrix).argmax(axis=0)
    assert (matrix[largest, range(300)] > 0).all()
    assert (np.diff(np.linalg.norm(matrix, axis=0)) <= 1e-6).all()
    np.testing.assert_allclose(white.mean(axis=0), 0, atol=0.01)
    np.testing.assert_allclose(np.cov(white.T, ddof=0), np.eye(300), atol=0.02)


def test_a_step_of_descent_has_each_layers_rate(folder):
    config = replace(SMALL, layers=(Hidden(24), Hidden(60)), learning_rate=0.01)
    trainer = PatchTrainer(split_folder(folder, config), config, threads=1)
    trainer.loader.next()
    inputs, targets = trainer.loader.inputs, trainer.loader.targets
    before = trainer.trained.network.parameters.copy()
    trainer.learn(inputs, targets)
    steps = trainer.trained.network.parameters - before

    def loss(index, share):
        """Of the network with a share of one layer's step: a sum over a patch, in the mean."""
        trainer.trained.network.parameters[:] = before
        trainer.trained.network.part(trainer.trained.network.parameters, index)[:] += np.float32(
            share
        ) * trainer.trained.network.part(steps, index)
        return rmse(trainer.clipped_error(inputs, targets)).mean() * inputs.shape[1]

    for index, fan_in in enumerate((192, 24, 60)):
        slope = (loss(index, 0.5) - loss(index, -0.5)) / np.square(
            trainer.trained.network.part(steps, index), dtype=np.float64
        ).sum()
        assert slope == pytest.approx(-fan_in / 0.01, rel=0.1)


def test_what_is_beyond_the_legal_range_counts_as_its_end(folder):
    trainer = PatchTrainer(split_folder(folder, SMALL), SMALL, threads=1)
    trainer.loader.next()
    layer_rows(trainer.trained.network)[-1][-1] += 100.0
    targets = trainer.loader.targets
    expected = trainer.extractor.deviation * np.sqrt(
        np.square(trainer.extractor.highest - targets, dtype=np.float64).mean()
    )
    assert trainer.learn(trainer.loader.inputs, targets).error == pytest.approx(expected, rel=1e-5)


def test_the_average_follows_and_is_what_counts(folder):
    config = replace(QUICK, average=0.98)
    trainer = PatchTrainer(split_folder(folder, config), config, threads=1)
    expected = trainer.trained.network.parameters.astype(np.float64)
    for step in range(1, 21):
        trainer.train_step()
        now = trainer.trained.network.parameters
        if step == 1:
            expected[:] = now
        else:  # as short at the beginning as there are steps
            kept = min(0.98, step / (step + 9))
            expected = kept * expected + (1 - kept) * now
    np.testing.assert_allclose(trainer.trained.averaged_params, expected, rtol=1e-3, atol=1e-6)
    before, played = (
        trainer.trained.averaged_params.copy(),
        trainer.trained.network.parameters.copy(),
    )
    trainer.warm_up()
    assert (trainer.trained.averaged_params == before).all()
    assert (trainer.trained.network.parameters == played).all()
    assert trainer.end_epoch().model is not None  # the best so far
    assert (trainer.best == before).all()
    assert (trainer.model().network.parameters == before).all()


def test_what_does_not_fit_in_memory_is_refused(folder, monkeypatch):
    monkeypatch.setattr("fit_image.nn.runtime.machine.usable_memory", lambda: 2_000_000_000)
    config = replace(SMALL, block=64, layers=(Hidden(8),))
    split = split_folder(folder, config)
    PatchTrainer(split, config)
    with pytest.raises(InputError, match="no --whiten"):
        PatchTrainer(split, replace(config, whiten=True))
    with pytest.raises(InputError, match="narrower --layers"):
        PatchTrainer(split, replace(config, layers=(Hidden(65_000),) * 2))


@pytest.mark.parametrize("name", ["squares", "whitening", "optimizer_second_moment", "parameters"])
def test_a_checkpoint_with_words_for_numbers_is_refused(name, folder):
    config = replace(QUICK, whiten=True)
    trainer = PatchTrainer(split_folder(folder, config), config, threads=1)
    trainer.train_step()
    arrays = trainer.state_dict()
    with pytest.raises(ValueError, match=r"\w"):
        trainer.resume_from({**arrays, name: np.full(arrays[name].shape, "a")})


def test_patience_ends_a_training(folder):
    config = replace(QUICK, patience=2, patches=20)
    trainer = PatchTrainer(split_folder(folder, config), config, threads=1)
    trainer._best_error = 0.0
    for _ in range(2):
        assert trainer.ended is None
        trainer.train_step()
        trainer.end_epoch()
    assert trainer.ended == "patience"


def test_divergence_is_reported(folder):
    trainer = PatchTrainer(split_folder(folder, SMALL), SMALL, threads=1)
    trainer.trained.network.parameters[:] = np.float32(3e38)
    with pytest.raises(DivergenceError, match="not finite"):
        trainer.train_step()


@pytest.fixture(scope="module")
def restorer():
    """One with weights by chance."""
    network = make_network(16, (10,))
    rng = np.random.default_rng(1)
    for rows in layer_rows(network):
        rows[:] = rng.normal(0, 0.05, rows.shape)
    return Restorer(PatchExtractor(16, 0.5, 0.3), network, True, "85")


@pytest.mark.parametrize("size", [(1, 1), (5, 40), (16, 16), (17, 23), (40, 8), (64, 33)])
def test_restoring_averages_all_patches_that_cover_a_pixel(restorer, size):
    picture = screen(4, *size)
    whole = padded(picture, 16)
    height, width, _ = whole.shape
    sums, counts = np.zeros(whole.shape), np.zeros((height, width, 1))
    (first, second) = layer_rows(restorer.network)
    for top in range(0, height - 15, 8):
        for left in range(0, width - 15, 8):
            patch = whole[top : top + 16, left : left + 16]
            window = (slice(top, top + 16), slice(left, left + 16))
            counts[window] += 1
            if (patch == patch[0, 0]).all():
                continue
            inputs = (to_ycbcr(patch).astype(np.float64).ravel() - 0.5) / 0.3
            hidden = 1.7159 * np.tanh(2 / 3 * (inputs @ first[:-1] + first[-1]))
            restored = inputs + hidden @ second[:-1] + second[-1]
            restored = np.clip(restored, -0.5 / 0.3, 0.5 / 0.3)
            sums[window] += 0.3 * (restored - inputs).reshape(16, 16, 3)
    expected = (to_ycbcr(whole) + sums / counts)[: size[1], : size[0]]
    found = restorer.restore(picture).astype(int)
    assert np.abs(found - from_ycbcr(expected.astype(np.float32))).max() <= 1
    assert (found == from_ycbcr(expected.astype(np.float32))).mean() > 0.99


def test_pure_white_stays_pure_white(restorer):
    picture = screen(5, 64, 64).copy()
    picture[:32] = 255
    assert (restorer.restore(picture)[:17] == 255).all()


def test_less_strength_changes_less(restorer):
    picture = screen(6)
    found = [
        np.abs(replace(restorer, strength=share).restore(picture).astype(int) - picture).sum()
        for share in (0.0, 0.25, 1.0)
    ]
    assert found[0] == 0
    assert found[1] == pytest.approx(0.25 * found[2], rel=0.2)


def test_a_model_comes_back_from_its_file(restorer, tmp_path):
    picture = screen(6)
    for half, least in ((False, 1000.0), (True, 45.0)):
        restorer.save(tmp_path / "model.npz", half=half)
        loaded = Restorer.load(tmp_path / "model.npz")
        assert loaded.widths == (10,)
        assert psnr(loaded.restore(picture), restorer.restore(picture)) > least


def test_as_many_layers_as_can_be_asked_for(tmp_path):
    network = make_network(8, (1,) * 150)
    restorer = Restorer(PatchExtractor(8, 0.5, 0.3), network, True, "85")
    restorer.save(tmp_path / "model.npz")
    assert len(Restorer.load(tmp_path / "model.npz").widths) == 150


def test_damaged_models_are_refused(restorer, tmp_path):
    path = tmp_path / "model.npz"
    with pytest.raises(InputError, match="does not exist"):
        Restorer.load(path)
    with pytest.raises(InputError, match=r"no model\.npz"):
        Restorer.load(tmp_path)
    path.write_bytes(b"PK")
    with pytest.raises(InputError, match=r"model\.npz"):
        Restorer.load(path)
    not_finite = make_network(16, (10,))
    not_finite.parameters[:] = np.nan
    replace(restorer, network=not_finite).save(path)
    with pytest.raises(InputError, match="damaged"):
        Restorer.load(path)
    replace(restorer, extractor=PatchExtractor(16, 0.5, 0.0)).save(path)
    with pytest.raises(InputError, match="damaged"):
        Restorer.load(path)
