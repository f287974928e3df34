"""Generators of digits: the gan, its training, what is kept of it, and what it draws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fit_image.apps.digits.config import DigitsConfig
from fit_image.apps.digits.gan_trainer import GANTrainer, RoundAbandonedError
from fit_image.apps.digits.model import DigitModel, walk
from fit_image.apps.digits.networks import make_discriminator, make_encoder, make_generator
from fit_image.apps.digits.trainer import DigitTrainer
from fit_image.datasets.labelled import LabelledPictures
from fit_image.errors import DivergenceError, InputError

SMALL = DigitsConfig(
    batch_size=20, latent=4, units=4, blocks=2, block_layers=2, encoder_units=16, maps=4, seed=3
)
SIDE = 14


@pytest.fixture
def data(rng):
    """Bars that stand or lie, of several shades, on black."""
    pictures = np.zeros((60, SIDE, SIDE, 1), np.uint8)
    labels = rng.integers(0, 2, 60)
    for picture, label, at in zip(pictures, labels, rng.integers(4, 9, 60), strict=True):
        shade = rng.integers(180, 255)
        if label:
            picture[2:12, at : at + 2] = shade
        else:
            picture[at : at + 2, 2:12] = shade
    return LabelledPictures(pictures, labels, ("lying", "standing"))


@pytest.fixture
def trained(data):
    trainer = DigitTrainer(data, SMALL, threads=1)
    while not trainer.epoch_is_over:
        trainer.train_step()
    model = trainer.end_epoch().model
    return trainer, model


def equal(one, other):
    assert one.keys() == other.keys()
    for name in one:
        if name != "seconds":
            np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def test_the_networks_are_those_of_the_source():
    config, shape = DigitsConfig(), (26, 26, 1)
    # z with a bias, x, y and r; 24 blocks of five layers of six units; the output.
    assert make_generator(config, *shape).num_params == 35 * 6 + 6 + 24 * 5 * 42 + 7
    encoder = 676 * 512 + 512 + 512 * 512 + 512 + 512 * 64 + 64
    assert make_encoder(config, *shape).num_params == encoder
    convolutions = 25 * 32 + 32 + 25 * 32 * 64 + 64 + 25 * 64 * 128 + 128
    assert (
        make_discriminator(config, *shape, 10).num_params
        == convolutions + 2 * 64 + 2 * 128 + 4 * 4 * 128 * 11 + 11
    )


WAVES = {"waves": 2, "units": 20, "adversary_weight": 0.5, "reconstruction_weight": 30.0}


def entropy_of_pixels(drawn, pictures):
    drawn = drawn.astype(np.float64)
    return -(pictures * np.log(drawn) + (1 - pictures) * np.log(1 - drawn)).mean()


def loss_of(gan, pictures, labels):
    """The generator's loss with the noise of a fixed seed."""
    rng = np.random.default_rng(5)
    mean, log_variance, _, scaled = gan.sample_posterior(pictures, rng)
    drawn = gan.generator.forward(scaled)
    classifier = gan.discriminator
    logits = classifier.network.forward(drawn, classifier.cache).astype(np.float64)
    logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
    entropy = -logits[np.arange(len(labels)), labels].mean()
    variance = np.exp(log_variance.astype(np.float64))
    divergence = -0.5 * (1 + np.log(variance) - mean.astype(np.float64) ** 2 - variance)
    pixels = pictures.shape[1] * pictures.shape[2]
    entropy *= gan.config.adversary_weight
    entropy += gan.config.reconstruction_weight * entropy_of_pixels(drawn, pictures)
    return entropy + 10 * divergence.sum(axis=1).mean() / pixels


@pytest.mark.parametrize("changes", [{}, {"reconstruction_weight": 30.0}, WAVES])
@pytest.mark.parametrize("name", ["encoder", "generator"])
def test_the_generators_gradient_equals_central_differences(name, changes, data, rng):
    config = replace(SMALL, clip=1e6, divergence_weight=10.0, keep=0.8, **changes)
    pictures = (data.pictures[:20, 1:13, 1:13] / np.float32(255)).astype(np.float32)
    labels = data.labels[:20]
    gan = GANTrainer(config, (12, 12, 1), 2, threads=1)
    for each in gan.networks.values():  # away from the small first weights
        numbers = each.network.parameters
        numbers += (numbers != 0) * rng.normal(0, 0.15, numbers.size).astype(np.float32)
    each = gan.networks[name]
    gan.step = lambda *networks: None  # the gradient is looked at, not followed
    gan.generator_step(pictures, labels, np.random.default_rng(5))
    gradient = each.gradient.copy()
    parameters, before = each.network.parameters, each.network.parameters.copy()
    # Along many parameters at once: along a single one, bends of rectifiers may lie in the way.
    for _ in range(6):
        way = gradient * (rng.random(gradient.size) < 0.5)
        size = float(np.linalg.norm(way))
        losses = []
        for step in (0.003, -0.003):
            parameters[:] = before + np.float32(step / size) * way
            losses.append(loss_of(gan, pictures, labels))
        np.testing.assert_allclose((losses[0] - losses[1]) / 0.006, size, rtol=0.03)


def test_a_step_along_the_gradient_is_clipped(data):
    pictures = (data.pictures[:20, 1:13, 1:13] / np.float32(255)).astype(np.float32)
    scales = []
    for clip in (1e6, 1e-3):
        gan = GANTrainer(replace(SMALL, clip=clip), (12, 12, 1), 2, threads=1)
        for each in (gan.encoder, gan.generator):
            each.step = lambda scale: scales.append(scale)
        gan.generator_step(pictures, data.labels[:20], np.random.default_rng(5))
    assert scales[:2] == [1.0, 1.0]
    norm = np.sqrt(sum((p.gradient**2).sum() for p in (gan.encoder, gan.generator)))
    np.testing.assert_allclose(scales[2:], [1e-3 / norm] * 2, rtol=1e-4)


class Scripted(GANTrainer):
    """A GAN whose accuracies are given, and whose steps are counted."""

    def __init__(self, generator, real, fake, **changes):
        super().__init__(replace(SMALL, **changes), (12, 12, 1), 2, threads=1)
        self.accuracies = {"generator": list(generator), "real": list(real), "fake": list(fake)}
        self.learned = []

    def _next(self, name):
        values = self.accuracies[name]
        return values.pop(0) if len(values) > 1 else values[0]

    def generator_step(self, pictures, labels, rng):
        self.learned.append("generator")
        return 1.0, 0.0, self._next("generator")

    def classify(self, pictures, labels, weight=None):
        self.learned += [f"real {weight:.2f}"] if weight else []
        return 1.0, self._next("real")

    def classify_fakes(self, pictures, rng, weight=None):
        self.learned += [f"fake {weight:.2f}"] if weight else []
        return 1.0, self._next("fake")


@pytest.mark.parametrize(
    ("generator", "real", "fake", "expected"),
    [
        # Until the goal is reached; then nothing is left to do for a good classifier.
        ([0.5, 0.98, 0.99], [0.9], [0.8], ["generator"] * 3),
        ([0.1], [0.9], [0.8], ["generator"] * 16),
        # Good, and the classifier behind: both losses, 10 to 1, until it is not.
        (
            [0.99],
            [0.9],
            [0.2, 0.5, 0.76],
            ["generator", *["real 0.91", "fake 0.09"] * 2],
        ),
        ([0.99], [0.9], [0.2], ["generator", *["real 0.91", "fake 0.09"] * 8]),
        # Behind, but the generator is no good; real pictures it knows.
        ([0.5], [0.9], [0.2], ["generator"] * 16),
        # It knows neither.
        ([0.5], [0.3, 0.65, 0.71], [0.2], [*["generator"] * 16, *["real 1.00"] * 2]),
        ([0.99], [0.3], [0.8], ["generator", *["real 1.00"] * 8]),
    ],
)
def test_the_rules_of_a_round(generator, real, fake, expected, data, rng):
    gan = Scripted(generator, real, fake)
    gan.step = lambda *networks: None
    figures = gan.train_step(data.pictures[:20, :12, :12], data.labels[:20], rng)
    assert gan.learned == expected
    assert figures.steps == sum(not step.startswith("fake") for step in expected)


def test_a_round_can_be_stopped_and_has_then_not_happened(data):
    trainer = DigitTrainer(data, SMALL, threads=1)
    before, asked = trainer.state_dict(), []

    def go_on():
        asked.append(True)
        return len(asked) < 3

    assert trainer.train_step(go_on) is None
    equal(trainer.state_dict(), before)
    with pytest.raises(RoundAbandonedError):
        trainer.gan.train_step(
            np.zeros((20, 12, 12, 1), np.float32),
            data.labels[:20],
            np.random.default_rng(0),
            lambda: False,
        )


@pytest.mark.parametrize("threads", [1, 3])
def test_training_depends_on_nothing_but_where_it_stands(threads, data):
    trainer = DigitTrainer(data, SMALL, threads=1)
    other = DigitTrainer(data, SMALL, threads=threads)
    other.warm_up()
    equal(other.state_dict(), trainer.state_dict())
    for _ in range(2):
        trainer.train_step()
    other.train_step()
    saved = other.state_dict()
    other = DigitTrainer(data, SMALL, threads=threads)
    other.resume_from(saved)
    other.train_step()
    equal(other.state_dict(), trainer.state_dict())
    for each in (trainer, other):
        each.train_step()
        each.end_epoch()
    equal(other.state_dict(), trainer.state_dict())


def test_the_average_draws_and_does_not_play(data):
    trainer = DigitTrainer(data, replace(SMALL, average=0.75), threads=1)
    plain = DigitTrainer(data, SMALL, threads=1)
    encoder = trainer.gan.encoder
    expected, step = None, encoder.step

    def watched(scale):
        nonlocal expected
        step(scale)
        now = encoder.network.parameters
        expected = now.copy() if expected is None else 0.75 * expected + 0.25 * now

    encoder.step = watched
    for each in (trainer, plain):
        while not each.epoch_is_over:
            each.train_step()
    np.testing.assert_allclose(encoder.state_dict()["average"], expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(encoder.network.parameters, plain.gan.encoder.network.parameters)
    assert (trainer.model().parameters != plain.model().parameters).any()
    np.testing.assert_array_equal(encoder.network.parameters, plain.gan.encoder.network.parameters)
    trainer.end_epoch()
    other = DigitTrainer(data, replace(SMALL, average=0.75), threads=1)
    other.resume_from(trainer.state_dict())
    equal(other.state_dict(), trainer.state_dict())
    np.testing.assert_array_equal(other.model().parameters, trainer.model().parameters)


def test_damaged_arrays_are_refused(data):
    trainer = DigitTrainer(data, SMALL, threads=1)
    good = trainer.state_dict()
    for name, value in (
        ("encoder_parameters", good["encoder_parameters"][:-16]),
        ("generator_parameters", good["generator_parameters"] * np.float32(np.nan)),
        ("classifier_optimizer_first_moment", np.zeros(3, np.float32)),
        ("rounds", np.array(99.0)),
        ("epoch", np.array(-1.0)),
    ):
        with pytest.raises(ValueError, match=r".+"):
            trainer.resume_from({**good, name: value})


def test_a_collapse_is_noticed_and_undone(data):
    trainer = DigitTrainer(data, SMALL, threads=1)
    taken = iter([{0, 1}, {1}])
    trainer.drawn_classes = lambda model: next(taken)
    for epoch in range(2):
        while not trainer.epoch_is_over:
            trainer.train_step()
        if epoch == 0:
            trainer.end_epoch()
            good = trainer.state_dict()
    with pytest.raises(DivergenceError, match="taken for standing"):
        trainer.end_epoch()
    trainer.load_state_dict(trainer.snapshot)
    equal(trainer.state_dict(), good)


def test_a_generator_that_never_draws_two_classes_is_noticed_when_it_has_settled(data):
    trainer = DigitTrainer(data, SMALL, settling_rounds=6, threads=1)
    trainer.drawn_classes = lambda model: {0}
    for epoch in range(2):
        while not trainer.epoch_is_over:
            trainer.train_step()
        if epoch == 0:
            trainer.end_epoch()
    with pytest.raises(DivergenceError, match="taken for lying"):
        trainer.end_epoch()


def test_the_look_sees_all_classes_with_small_batches(trained):
    trainer, model = trained
    small = DigitTrainer(trainer.data, replace(SMALL, batch_size=3), threads=1)
    sizes = []
    small.gan.predict = lambda pictures: sizes.append(len(pictures)) or np.arange(len(pictures))
    small.gan.draw = lambda latents: latents
    assert small.drawn_classes(model) == {0, 1, 2}
    assert sum(sizes) == 20


def test_a_batch_beyond_the_memory_is_refused(data, monkeypatch):
    monkeypatch.setattr("fit_image.nn.runtime.machine.usable_memory", lambda: 1 << 10)
    with pytest.raises(InputError, match="smaller --batch-size"):
        DigitTrainer(data, SMALL)


def test_a_loss_that_is_not_finite_is_noticed(data):
    trainer = DigitTrainer(data, SMALL, threads=1)
    trainer.gan.discriminator.network.parameters[:] = np.nan
    with pytest.raises(DivergenceError, match="not finite in epoch 1"):
        trainer.train_step()


def test_too_few_or_too_small_pictures_are_refused(data):
    with pytest.raises(InputError, match="60 pictures are too few for batches of 61"):
        DigitTrainer(data, replace(SMALL, batch_size=61))
    with pytest.raises(InputError, match="too small"):
        DigitTrainer(replace(data, pictures=data.pictures[:, :9, :9]), SMALL)


def test_the_statistics_of_classes_are_those_of_their_encodings(trained, data):
    trainer, model = trained
    mean, variance = trainer.gan.encode(data.pictures[:20, 1:13, 1:13] / np.float32(255))
    rest = [
        trainer.gan.encode(data.pictures[i : i + 20, 1:13, 1:13] / np.float32(255))
        for i in (20, 40)
    ]
    means = np.concatenate([mean, *(each[0] for each in rest)])
    variances = np.concatenate([variance, *(each[1] for each in rest)])
    for label in (0, 1):
        own = data.labels == label
        np.testing.assert_allclose(model.means[label, 0], means[own].mean(axis=0), atol=1e-5)
        spread = variances[own].mean(axis=0) + means[own].var(axis=0)
        np.testing.assert_allclose(model.deviations[label, 0], np.sqrt(spread), atol=1e-5)
    assert model.background == 0.0


def test_a_model_draws_what_the_game_draws(trained, tmp_path):
    trainer, model = trained
    latents = model.sample([0, 1, 1], np.random.default_rng(1))
    drawn = trainer.gan.draw(latents)
    model.save(tmp_path / "model.npz")
    for each in (model, DigitModel.load(tmp_path), DigitModel.load(tmp_path / "model.npz")):
        for latent, picture in zip(latents, drawn, strict=True):
            np.testing.assert_allclose(each.draw(latent, 12, 12), picture, atol=1e-5)
    loaded = DigitModel.load(tmp_path)
    assert loaded.class_names == ("lying", "standing")
    np.testing.assert_array_equal(loaded.means, model.means)
    np.testing.assert_array_equal(loaded.deviations, model.deviations)


def test_a_class_is_a_mixture_where_it_has_centres(trained, data, tmp_path):
    trainer, _ = trained
    trainer.config = replace(trainer.config, centres=3)
    mixed = trainer.model()
    trainer.config = replace(trainer.config, centres=0)
    assert mixed.means.shape == mixed.deviations.shape == (2, 3, 4)
    mixed.save(tmp_path / "model.npz")
    loaded = DigitModel.load(tmp_path)
    np.testing.assert_array_equal(loaded.means, mixed.means)
    centres = loaded.sample([1] * 200, np.random.default_rng(0), spread=0.0)
    assert {tuple(each) for each in centres} == {tuple(each) for each in mixed.means[1]}


def test_a_model_of_one_normal_a_class_is_a_file_as_of_old(trained, tmp_path):
    _, model = trained
    model.save(tmp_path / "model.npz")
    with np.load(tmp_path / "model.npz") as arrays:
        assert arrays["fit_image_digits"] == 1
        assert arrays["means"].shape == (2, 4)
        assert "waves" not in arrays


def test_waves_are_learned_and_drawn_from_their_file(data, tmp_path):
    config = replace(SMALL, units=16, waves=3, adversary_weight=0.0, reconstruction_weight=100.0)
    trainer = DigitTrainer(data, config, threads=1)
    losses = []
    for _ in range(30):
        while not trainer.epoch_is_over:
            losses.append(trainer.train_step().generator_loss)
        trainer.end_epoch()
    assert losses[-1] < 0.7 * losses[0]
    model = trainer.model()
    latents = model.sample([0, 1], np.random.default_rng(1))
    model.save(tmp_path / "model.npz")
    for latent, picture in zip(latents, trainer.gan.draw(latents), strict=True):
        drawn = DigitModel.load(tmp_path).draw(latent, 12, 12)
        np.testing.assert_allclose(drawn, picture, atol=1e-5)


def test_a_large_picture_is_the_small_one_seen_closer(trained):
    _, model = trained
    (latents,) = model.sample([1], np.random.default_rng(1))
    small, large = model.draw(latents, 12, 12), model.draw(latents, 36, 36)
    np.testing.assert_array_equal(large[1::3, 1::3], small)
    # Half of the scale shows the middle.
    np.testing.assert_allclose(model.draw(latents, 6, 6, scale=4.0), small[3:9, 3:9], atol=1e-5)
    bands = list(model.render_strips(latents, 700, 500))
    assert len(bands) > 1
    np.testing.assert_array_equal(
        np.concatenate([band for _, band in bands]), model.draw(latents, 700, 500, threads=1)
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("numbers", np.zeros(5, np.float32)),
        ("means", np.zeros((2, 3), np.float32)),
        ("deviations", np.full((2, 4), np.nan, np.float32)),
        ("latent", np.int64(0)),
        ("channels", np.int64(2)),
        ("scale", np.float64("nan")),
    ],
)
def test_a_damaged_model_is_refused(name, value, trained, tmp_path):
    _, model = trained
    path = tmp_path / "model.npz"
    model.save(path)
    with np.load(path) as arrays:
        changed = {**arrays, name: value}
    np.savez(path, **changed)
    with pytest.raises(InputError, match="damaged"):
        DigitModel.load(path)


def test_spread_and_seed_choose_the_picture(trained):
    _, model = trained
    middle = model.sample([1, 1], np.random.default_rng(0), spread=0.0)
    np.testing.assert_array_equal(middle, model.means[[1, 1], 0])
    drawn = model.sample([1] * 4000, np.random.default_rng(0))
    np.testing.assert_allclose(drawn.std(axis=0), model.deviations[1, 0], rtol=0.1)
    with pytest.raises(InputError, match="unknown class 'seven': known are lying, standing"):
        model.label("seven")


def test_paper(trained):
    _, model = trained
    picture = np.full((1, 1, 1), 0.25, np.float32)
    assert model.on_paper(picture, "white") == 0.75
    assert model.on_paper(picture, "black") == model.on_paper(picture, "learned") == 0.25
    bright = replace(model, background=1.0)
    assert bright.on_paper(picture, "white") == bright.on_paper(picture, "learned") == 0.25
    assert bright.on_paper(picture, "black") == 0.75


def test_a_sheet_has_its_pictures_in_rows(trained):
    _, model = trained
    latents = model.sample([0, 1, 0, 1, 1, 0], np.random.default_rng(1))
    sheet = model.draw_sheet([latents[:3], latents[3:]], 9, 8, paper="learned")
    assert sheet.shape == (16, 27, 1)
    expected = np.rint(model.draw(latents[4], 9, 8) * 255)
    np.testing.assert_array_equal(sheet[8:, 9:18], expected)


@pytest.mark.parametrize("kind", ["linear", "sinusoidal"])
def test_a_walk_visits_all_and_closes(kind):
    anchors = np.array([[0.0, 1.0], [4.0, 1.0], [4.0, 5.0]], np.float32)
    way = np.stack(list(walk(anchors, 4, kind)))
    assert way.shape == (12, 2)
    np.testing.assert_allclose(way[::4], anchors, atol=1e-6)
    np.testing.assert_allclose(way[2::4], (anchors + np.roll(anchors, -1, axis=0)) / 2, atol=1e-6)
    first = np.linalg.norm(way[1] - way[0])
    assert first == pytest.approx(1.0 if kind == "linear" else 4 * (1 - np.cos(np.pi / 4)) / 2)


@pytest.mark.parametrize(
    "changes",
    [
        {"batch_size": 1},
        {"learning_rate": 0.0},
        {"beta1": 1.0},
        {"real_goal": 70.0},
        {"keep": 0.0},
        {"units": 13},
        {"units": 513, "waves": 4},
        {"adversary_weight": 0.0},
        {"centres": -1},
        {"generator_goal": 2.0},
        {"real_weight": 0.0, "fake_weight": 0.0},
        {"scale": float("inf")},
        {"clip": float("nan")},
    ],
)
def test_a_recipe_out_of_range_is_refused(changes):
    with pytest.raises(InputError):
        DigitsConfig(**changes)
