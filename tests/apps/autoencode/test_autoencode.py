"""Auto-encoders as a library: networks, training, the pictures held out, and model files."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fit_image.apps.autoencode.config import (
    ACTIVATIONS,
    SCALINGS,
    AutoencodeConfig,
    preset_config,
)
from fit_image.apps.autoencode.model import AutoencoderModel
from fit_image.apps.autoencode.networks import make_autoencoder
from fit_image.apps.autoencode.train_test_split import choose, load_split, split
from fit_image.apps.autoencode.trainer import AutoencoderTrainer
from fit_image.errors import DivergenceError, InputError
from fit_image.nn.layers.subtract_mean import SubtractMean
from fit_image.nn.network import Network
from fit_image.nn.runtime.threads import ThreadPool
from fit_image.storage.npz import read_archive, write_archive


def discs(count, side=16, channels=1, seed=0):
    """Soft discs of two numbers, brightness and height, and a little noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:side, 0:side]
    tops, shades = rng.uniform(4, side - 5, count), rng.uniform(0.3, 1, count)
    distance = np.hypot(y - tops[:, None, None], x - side / 2)
    pictures = shades[:, None, None] / (1 + np.exp(distance - side / 4))
    pictures = pictures + rng.normal(0, 0.01, pictures.shape)
    pictures = pictures[..., None] * np.array([1.0, 0.7, 0.4])[:channels]
    return (pictures.clip(0, 1) * 255).astype(np.uint8)


def trained(config, epochs, channels=1, count=60, threads=None):
    pictures = discs(count, channels=channels)
    trainer = AutoencoderTrainer(
        pictures, discs(12, channels=channels, seed=1), config, threads=threads
    )
    figures = []
    for _ in range(epochs):
        while not trainer.epoch_is_over:
            trainer.train_step()
        metrics = trainer.end_epoch().metrics
        figures.append((metrics.loss, metrics.test_loss))
    return trainer, figures


def psnr(loss):
    return -10 * math.log10(loss)


FAST = {"batch_size": 10, "learning_rate": 0.01}

# A config, channels, epochs, and the PSNR on held-out pictures at least; they reached 35 to 39. The
# mean picture has 18.6, or 21.2 in colours, and where the first half of the parameters stayed as
# they were, 22 to 31, and 34.9 in the third.
QUALITY = [
    (AutoencodeConfig(bottleneck=4, **FAST), 1, 30, 33.0),
    (AutoencodeConfig(bottleneck=4, tied=True, **FAST), 1, 30, 33.0),
    (AutoencodeConfig(bottleneck=4, hidden=(32, 16), **FAST), 1, 30, 36.0),
    (
        AutoencodeConfig(bottleneck=4, hidden=(32,), tied=True, activation="tanh", **FAST),
        3,
        30,
        36.0,
    ),
    (AutoencodeConfig(conv=True, **FAST), 1, 20, 33.0),
    (AutoencodeConfig(conv=True, bottleneck=8, filters=4, **FAST), 3, 20, 33.0),
    (
        AutoencodeConfig(conv=True, bottleneck=8, filters=(4,), scaling="stride", **FAST),
        3,
        20,
        33.0,
    ),
    (AutoencodeConfig(conv=True, filters=(4, 8, 8), scaling="shuffle", **FAST), 1, 20, 33.0),
    (AutoencodeConfig(bottleneck=4, output_activation="identity", **FAST), 1, 30, 33.0),
]


@pytest.mark.parametrize(("config", "channels", "epochs", "least"), QUALITY)
def test_it_learns(config, channels, epochs, least):
    trainer, figures = trained(config, epochs, channels)
    assert psnr(figures[-1][1]) >= least, psnr(figures[-1][1])
    model = trainer.model()
    drawn = model.redraw(trainer.held_out)
    error = np.square(drawn - trainer.held_out / 255.0).mean()
    assert error == pytest.approx(figures[-1][1], rel=1e-4)
    assert model.encode(trainer.held_out).shape == (12, trainer.autoencoder.code_size)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_learns(activation):
    config = AutoencodeConfig(
        bottleneck=8, hidden=(16,), activation=activation, code_activation=activation, **FAST
    )
    _, figures = trained(config, 6)
    assert figures[-1][1] < 0.9 * figures[0][1]


@pytest.mark.parametrize("options", [{"mirror": True}, {"shift": 2}, {"weight_decay": 0.1}])
def test_how_it_learns_changes_what_comes(options):
    plain, _ = trained(AutoencodeConfig(bottleneck=4, **FAST), 2)
    other, _ = trained(AutoencodeConfig(bottleneck=4, **options, **FAST), 2)
    assert (other.autoencoder.network.parameters != plain.autoencoder.network.parameters).any()
    np.testing.assert_array_equal(other.pictures, discs(60))  # the data stay as they are


def test_pictures_are_turned_and_shifted():
    config = AutoencodeConfig(bottleneck=1, mirror=True, shift=3)
    trainer = AutoencoderTrainer(discs(20), discs(2), config)
    ramp = np.broadcast_to(np.arange(16, dtype=np.float32)[None, :, None], (40, 16, 16))[..., None]
    varied = trainer.augment(np.array(ramp), np.random.default_rng(0))
    down = varied[:, 8, 0, 0] - 8
    assert set(down.tolist()) == set(range(-3, 4))
    assert varied.min() == 0
    assert varied.max() == 15
    across = trainer.augment(np.array(ramp.swapaxes(1, 2)), np.random.default_rng(0))
    turned = across[:, 0, 4, 0] > across[:, 0, 10, 0]
    assert 5 < turned.sum() < 35


SHAPES = [
    AutoencodeConfig(bottleneck=6, hidden=(9,), batch_size=25, mirror=True, shift=1),
    AutoencodeConfig(bottleneck=6, tied=True, batch_size=25),
    AutoencodeConfig(conv=True, batch_size=25),
    AutoencodeConfig(conv=True, filters=(2, 3, 4), scaling="shuffle", batch_size=25, average=0.9),
    preset_config("strong", bottleneck=6, filters=(4,), batch_size=25),
]


@pytest.mark.parametrize("config", SHAPES)
def test_resuming_gives_the_same_bits(config):
    whole, _ = trained(config, 3, threads=1)
    for rounds in (0, 1):
        begun, _ = trained(config, 1, threads=2)
        for _ in range(rounds):
            begun.train_step()
        other = AutoencoderTrainer(begun.pictures, begun.held_out, config)
        other.warm_up()
        other.resume_from(begun.checkpoint())
        assert other.snapshot.keys() == begun.snapshot.keys()
        for _ in range(2):
            while not other.epoch_is_over:
                other.train_step()
            other.end_epoch()
        for name, array in whole.state_dict().items():
            if not name.endswith("seconds"):
                np.testing.assert_array_equal(array, other.state_dict()[name], err_msg=name)


def test_what_cannot_be_restored():
    trainer, _ = trained(AutoencodeConfig(bottleneck=2, batch_size=20), 1)
    trainer.train_step()
    arrays = trainer.checkpoint()
    wrong = {
        "parameters": arrays["parameters"][1:],
        "optimizer_steps": np.array(-1),
        "rounds": np.array(9.0),
        "sum": np.array(np.nan),
        "optimizer_first_moment": arrays["optimizer_first_moment"] + np.float32(np.inf),
        "optimizer_second_moment": np.full(arrays["optimizer_second_moment"].shape, "a"),
    }
    for name, array in wrong.items():
        with pytest.raises(ValueError, match=r"\w"):
            trainer.resume_from({**arrays, name: array})
    with pytest.raises(ValueError, match="last good state"):
        trainer.resume_from({n: a for n, a in arrays.items() if not n.startswith("good_")})


def test_the_last_batch_is_short_and_a_batch_may_be_more_than_all():
    trainer, _ = trained(AutoencodeConfig(bottleneck=2, batch_size=25), 0)
    assert trainer.epoch_size == 3
    trainer, figures = trained(AutoencodeConfig(bottleneck=2, batch_size=1000), 1)
    assert trainer.epoch_size == 1
    assert math.isfinite(figures[0][0])


def test_the_loss_of_an_epoch_is_the_mean_over_its_pictures():
    trainer, _ = trained(AutoencodeConfig(bottleneck=2, batch_size=25), 0, count=60)
    losses = [trainer.train_step() for _ in range(3)]
    loss = trainer.end_epoch().metrics.loss
    assert loss == pytest.approx(np.average(losses, weights=[25, 25, 10]), rel=1e-9)
    assert abs(loss / np.mean(losses) - 1) > 1e-4


def test_batches_of_one():
    trainer, figures = trained(AutoencodeConfig(bottleneck=2, batch_size=1), 1, count=5)
    trainer.warm_up()
    assert trainer.epoch_size == 5
    assert math.isfinite(figures[0][0])


@pytest.mark.parametrize(
    ("shape", "config"),
    [
        ((10, 10, 1), AutoencodeConfig(bottleneck=1024, tied=True)),
        ((8, 8, 1), AutoencodeConfig(bottleneck=128, hidden=(100,), tied=True)),
        ((3, 5, 1), AutoencodeConfig(bottleneck=1, hidden=(5, 4), tied=True)),
        ((7, 5, 3), AutoencodeConfig(bottleneck=17, hidden=(33,))),
    ],
)
def test_networks_of_any_size(shape, config, tmp_path):
    pictures = np.random.default_rng(0).integers(0, 256, (6, *shape), dtype=np.uint8)
    trainer = AutoencoderTrainer(pictures, pictures[:1], config)
    losses = [trainer.train_step() for _ in range(40) if not trainer.epoch_is_over]
    assert np.isfinite(losses).all()
    model = trainer.model()
    model.save(tmp_path / "model.npz")
    loaded = AutoencoderModel.load(tmp_path / "model.npz")
    np.testing.assert_array_equal(loaded.redraw(pictures), model.redraw(pictures))
    assert loaded.encode(pictures[:0]).shape == (0, config.bottleneck)
    assert loaded.redraw(pictures[:0]).shape == (0, *shape)


def test_the_code_of_a_convolutional_network_is_what_was_pooled_twice():
    mean = discs(1, channels=3)[0] / np.float32(255)
    assert make_autoencoder(AutoencodeConfig(conv=True, filters=5), mean).code_shape == (4, 4, 5)
    assert make_autoencoder(AutoencodeConfig(conv=True, bottleneck=7), mean).code_shape == (7,)


def test_raw_pictures_are_not_centred():
    mean = discs(1)[0] / np.float32(255)
    for raw, subtracted in ((True, np.zeros_like(mean)), (False, mean)):
        network = make_autoencoder(AutoencodeConfig(bottleneck=2, raw=raw), mean)
        np.testing.assert_array_equal(network.network.layers[0].mean, subtracted)


def test_divergence_is_found_and_undone():
    trainer, _ = trained(AutoencodeConfig(bottleneck=2, hidden=(4,), activation="identity"), 1)
    good = trainer.autoencoder.network.parameters.copy()
    trainer.autoencoder.network.parameters[:] *= np.float32(1e30)
    trainer.autoencoder.network.parameters[0] = np.nan
    with pytest.raises(DivergenceError, match="not finite in epoch 2"):
        trainer.train_step()
    trainer.load_state_dict(trainer.snapshot)
    np.testing.assert_array_equal(trainer.autoencoder.network.parameters, good)


def test_outputs_beyond_all_numbers_are_not_white():
    """Drawings are clipped, but not before they are looked at."""
    trainer, _ = trained(AutoencodeConfig(bottleneck=2, output_activation="identity"), 1)
    trainer.autoencoder.network.parameters[:] *= np.float32(1e30)
    assert math.isnan(trainer.test_loss())


@pytest.mark.parametrize("count", [2, 3, 10, 11, 400])
def test_the_split_never_overlaps(count):
    for seed in range(5):
        learned, held_out = split(count, seed)
        assert sorted([*learned, *held_out]) == list(range(count))
        assert len(held_out) == max(1, round(count / 10))
    assert (split(400, 0)[1] != split(400, 1)[1]).any()


def test_lessons(tmp_path):
    np.savez(tmp_path / "a.npz", images=discs(30))
    np.savez(tmp_path / "b.npz", images=discs(4, seed=2))
    lesson = load_split(tmp_path / "a.npz", None, 0)
    assert (len(lesson.pictures), len(lesson.held_out)) == (27, 3)
    together = load_split(tmp_path / "a.npz", tmp_path / "b.npz", 0)
    assert (len(together.pictures), len(together.held_out)) == (30, 4)
    assert together.source.sha256 != lesson.source.sha256
    np.savez(tmp_path / "b.npz", images=discs(4, side=12))
    with pytest.raises(InputError, match=r"12x12 in grey, but .* of 16x16 in grey"):
        load_split(tmp_path / "a.npz", tmp_path / "b.npz", 0)
    np.savez(tmp_path / "a.npz", images=discs(1))
    with pytest.raises(InputError, match="too few"):
        load_split(tmp_path / "a.npz", None, 0)


MODELS = [
    AutoencodeConfig(bottleneck=3, hidden=(5,), code_activation="tanh"),
    AutoencodeConfig(bottleneck=3, hidden=(5,), tied=True),
    AutoencodeConfig(conv=True, filters=3),
    AutoencodeConfig(conv=True, filters=3, bottleneck=7, raw=True),
    AutoencodeConfig(conv=True, filters=(3, 2, 5), scaling="stride"),
    AutoencodeConfig(conv=True, filters=(3,), scaling="shuffle", output_activation="identity"),
    preset_config("strong", filters=(3, 2), bottleneck=5),
]


@pytest.mark.parametrize("config", MODELS)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_model_survives_its_file(config, channels, tmp_path):
    trainer, _ = trained(config, 1, channels)
    model = trainer.model()
    model.save(tmp_path / "model.npz")
    loaded = AutoencoderModel.load(tmp_path)
    pictures = trainer.held_out
    np.testing.assert_array_equal(loaded.redraw(pictures, threads=1), model.redraw(pictures))
    np.testing.assert_array_equal(loaded.encode(pictures), model.encode(pictures))
    assert loaded.channels == ("rgb" if channels == 3 else "grey")


def test_a_model_file_is_not_trusted(tmp_path):
    path = tmp_path / "model.npz"
    trainer, _ = trained(AutoencodeConfig(bottleneck=3), 0)
    trainer.model().save(path)
    arrays = read_archive(path, "autoencoder", 1)
    del arrays["fit_image_autoencoder"]
    wrong = [
        ("bottleneck", np.array(0)),
        ("bottleneck", np.array(1 << 19)),
        ("bottleneck", np.array(4)),
        ("bottleneck", np.array("3")),
        ("hidden", np.array([1.5])),
        ("hidden", np.array([[2]])),
        ("activation", np.array("sine")),
        ("conv", np.array(1)),
        ("tied", np.array(True)),
        ("filters", np.array([[1, 2]])),
        ("residual", np.array(True)),
        ("scaling", np.array("none")),
        ("output_activation", np.array("relu")),
        ("mean", np.zeros((16, 16), np.float32)),
        ("mean", arrays["mean"] * np.float32(np.nan)),
        ("mean", arrays["mean"].astype(np.float64)),
        ("weights_0", arrays["weights_0"][:, :2]),
        ("biases_1", arrays["biases_1"] + np.float32(np.inf)),
        ("biases_1", None),
    ]
    for name, array in wrong:
        changed = {n: a for n, a in {**arrays, name: array}.items() if a is not None}
        write_archive(path, "autoencoder", 1, changed)
        with pytest.raises(InputError, match="is damaged"):
            AutoencoderModel.load(path)
    write_archive(path, "digits", 1, arrays)
    with pytest.raises(InputError, match="not a fit-image autoencoder file"):
        AutoencoderModel.load(path)


def test_tied_weights_are_half_as_many():
    mean = np.zeros((16, 16, 1), np.float32)
    counts = {}
    for tied in (False, True):
        network = make_autoencoder(AutoencodeConfig(bottleneck=8, hidden=(32,), tied=tied), mean)
        weights = [w for _, w, _ in network.weights(network.network.parameters) if w is not None]
        counts[tied] = sum(w.size for w in weights)
    assert counts[False] == 2 * counts[True] == 2 * (256 * 32 + 32 * 8)


def test_it_begins_with_the_mean():
    pictures = discs(40)
    trainer = AutoencoderTrainer(pictures, discs(10, seed=1), AutoencodeConfig(bottleneck=2))
    trainer.autoencoder.network.part(trainer.autoencoder.network.parameters, 1)[:] = 0.0
    drawn = trainer.model().redraw(pictures[:1])[0]
    np.testing.assert_allclose(drawn, trainer.mean.clip(0.02, 0.98), atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bottleneck": 0}, "bottleneck must be 1"),
        ({"hidden": (3, 0)}, "hidden must be 1"),
        ({"conv": True, "tied": True}, "tied is for"),
        ({"conv": True, "hidden": (3,)}, "hidden is for"),
        ({"filters": 3}, "filters is for"),
        ({"conv": True, "filters": ()}, "filters must be"),
        ({"conv": True, "filters": (3, 0)}, "filters must be 1"),
        ({"scaling": "stride"}, "scaling is for"),
        ({"residual": True}, "residual is for"),
        ({"conv": True, "residual": True, "raw": True}, "raw is not for a linear"),
        ({"conv": True, "residual": True, "scaling": "stride"}, "scaling is not for a linear"),
        ({"conv": True, "residual": True, "code_activation": "tanh"}, "code_activation is not for"),
        ({"conv": True, "residual": True, "output_activation": "sigmoid"}, "output_activation is"),
        ({"output_activation": "tanh"}, "output_activation must be one of"),
        ({"activation": "sine"}, "activation must be one of"),
    ],
)
def test_recipes_that_make_no_sense(options, message):
    with pytest.raises(InputError, match=message):
        AutoencodeConfig(**options)


def test_pictures_too_small_to_be_pooled():
    with pytest.raises(InputError, match="4x4 or larger"):
        make_autoencoder(AutoencodeConfig(conv=True), np.zeros((3, 9, 1), np.float32))
    make_autoencoder(AutoencodeConfig(conv=True), np.zeros((5, 7, 1), np.float32))


def test_pictures_that_do_not_fit_pixel_shuffle():
    for config, size in (
        (AutoencodeConfig(conv=True, scaling="shuffle"), "multiples of 4"),
        (AutoencodeConfig(conv=True, residual=True), "even numbers"),
    ):
        with pytest.raises(InputError, match=size):
            make_autoencoder(config, np.zeros((12, 9, 1), np.float32))
    with pytest.raises(InputError, match=r"halves them 3 times: give 8x8 or larger"):
        make_autoencoder(
            AutoencodeConfig(conv=True, filters=(2, 2, 2), scaling="stride"),
            np.zeros((7, 9, 1), np.float32),
        )


def test_levels_of_filters():
    mean = discs(1, channels=3)[0] / np.float32(255)
    for scaling in SCALINGS:
        config = AutoencodeConfig(conv=True, filters=(5, 6, 7), scaling=scaling)
        assert make_autoencoder(config, mean).code_shape == (2, 2, 7)
    one, two = (
        make_autoencoder(AutoencodeConfig(conv=True, filters=filters), mean).network.num_params
        for filters in (8, (8, 8))
    )
    assert one == two == 2195


def test_the_average_is_what_is_drawn_and_measured():
    trainer, figures = trained(AutoencodeConfig(bottleneck=4, average=0.9, **FAST), 2)
    model = trainer.model()
    assert (model.autoencoder.network.parameters != trainer.autoencoder.network.parameters).any()
    error = np.square(model.redraw(trainer.held_out) - trainer.held_out / 255.0).mean()
    assert error == pytest.approx(figures[-1][1], rel=1e-4)


def test_the_learning_rate_follows_its_schedule():
    """A cosine over two epochs learns nothing more in what follows them."""
    config = AutoencodeConfig(bottleneck=2, lr_schedule="cosine", batch_size=60)
    trainer = AutoencoderTrainer(discs(60), discs(2), config)
    trainer.epochs, steps, before = 2, [], trainer.state_dict()["parameters"]
    for _ in range(3):
        trainer.train_step()
        trainer.end_epoch()
        after = trainer.state_dict()["parameters"]
        steps.append(np.abs(after - before).max())
        before = after
    assert steps[0] == pytest.approx(0.003 * (0.5 + 1 / math.pi), rel=1e-3)  # its mean there
    assert steps[0] > 2 * steps[1] > 0
    assert steps[2] == 0


def test_sheets():
    model = trained(AutoencodeConfig(bottleneck=2), 0)[0].model()
    pictures = discs(3)
    sheet = model.draw_sheet(pictures)
    assert sheet.shape == (2 * 64 + 2, 3 * 64 + 4, 1)
    np.testing.assert_array_equal(sheet[:64:4, 66:130:4], pictures[1])
    config, mean = AutoencodeConfig(bottleneck=2), np.zeros((70, 70, 1), np.float32)
    large = AutoencoderModel(config, mean, make_autoencoder(config, mean))
    assert large.draw_sheet(discs(2, side=70)).shape == (142, 142, 1)
    many = discs(20)
    np.testing.assert_array_equal(choose(many, 3, 5), choose(many, 8, 5)[:3])
    assert len(choose(many, 99, 5)) == 20


def test_subtraction_of_the_mean(rng):
    samples = rng.random((3, 2, 4, 1), dtype=np.float32)
    mean = samples.mean(axis=0)
    network = Network([SubtractMean(mean)])
    cache = network.make_cache(3, ThreadPool(1))
    np.testing.assert_array_equal(network.forward(samples, cache), samples - mean)
    grad_x = network.backward(cache, samples, to_input=True)
    np.testing.assert_array_equal(grad_x, samples)
