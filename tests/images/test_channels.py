"""Grey, colour, and colour with transparency: from the file to the animation."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from test_animation import read_video
from test_io import SWAPPED

from fit_image.animation.film import frame_path
from fit_image.animation.writers import WRITERS, write_animation
from fit_image.apps.fit.trainer import FitTrainer
from fit_image.apps.fitting import fit
from fit_image.apps.painting_network import PaintingNetwork
from fit_image.cli import cli
from fit_image.config.fit import FitConfig, ImageConfig
from fit_image.config.registry import CHANNELS
from fit_image.errors import InputError
from fit_image.images.colours import to_uint8
from fit_image.images.fidelity import psnr
from fit_image.images.io import Canvas, check_image_target, load_image, save_image
from fit_image.images.scaling import downscale
from fit_image.nn.mlp.layer_spec import dense_stack
from naive import NaiveNetwork, values

COUNTS = sorted(CHANNELS.values())


def png16(colour_type, values, *extra):
    """A PNG file of one row, of 16 bits a channel."""

    def chunk(name, data):
        check = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", len(values), 1, 16, colour_type, 0, 0, 0)
    raw = zlib.compress(b"\0" + np.array(values, ">u2").tobytes())
    chunks = [chunk(b"IHDR", header), *(chunk(*each) for each in extra), chunk(b"IDAT", raw)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + chunk(b"IEND", b"")


def saved(path, stored, **options):
    Image.fromarray(np.array(stored, np.uint8)).save(path, **options)
    return path


def loaded(path, channels, **options):
    levels = load_image(path, channels=channels, **options).levels
    assert levels.shape[2] == CHANNELS[channels]
    assert levels.flags.c_contiguous
    return levels


class TestGrey:
    def test_is_the_luma_of_bt601(self, tmp_path, rng):
        stored = rng.integers(0, 256, (9, 7, 3))
        levels = loaded(saved(tmp_path / "a.png", stored), "grey")
        assert levels.dtype == np.uint8
        np.testing.assert_allclose(levels[..., 0], stored @ (0.299, 0.587, 0.114), atol=0.51)

    @pytest.mark.parametrize("mode", ["L", "RGB", "P", "RGBA", "LA"])
    def test_of_grey_is_the_same_grey(self, tmp_path, mode):
        ramp = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16))
        ramp.convert(mode).save(tmp_path / "a.png")
        assert loaded(tmp_path / "a.png", "grey").ravel().tolist() == list(range(256))

    @pytest.mark.parametrize("max_pixels", [None, 10_000])
    def test_of_sixteen_bits_stays_deep(self, tmp_path, max_pixels):
        stored = np.arange(65_536, dtype=np.uint16).reshape(256, 256)
        Image.fromarray(stored).save(tmp_path / "a.png")
        levels = loaded(tmp_path / "a.png", "grey", max_pixels=max_pixels)
        assert levels.dtype == np.uint16
        if max_pixels is None:
            np.testing.assert_array_equal(levels[..., 0], stored)
        else:
            assert len(np.unique(levels)) > 1000

    def test_shows_the_grey_of_the_background(self, tmp_path):
        clear = saved(tmp_path / "a.png", [[[9, 9, 9, 0], [200, 200, 200, 255]]])
        assert loaded(clear, "grey", background="#f00").ravel().tolist() == [76, 200]
        (tmp_path / "b.png").write_bytes(png16(0, [300, 40_000], (b"tRNS", struct.pack(">H", 300))))
        levels = loaded(tmp_path / "b.png", "grey", background="#f00")
        assert levels.ravel().tolist() == [round(0.299 * 65_535), 40_000]


class TestTransparency:
    def test_is_kept_as_it_is(self, tmp_path, rng):
        stored = rng.integers(0, 256, (9, 7, 4))
        stored[..., 3] = np.maximum(stored[..., 3], 1)
        levels = loaded(saved(tmp_path / "a.png", stored), "rgba")
        assert levels.dtype == np.uint8
        np.testing.assert_array_equal(levels, stored)

    @pytest.mark.parametrize("mode", ["L", "RGB", "P", "1", "CMYK"])
    def test_is_none_where_the_file_has_none(self, tmp_path, mode):
        Image.new(mode, (3, 2)).save(tmp_path / "a.tif")
        opaque = loaded(tmp_path / "a.tif", "rgba")
        assert (opaque[..., 3] == 255).all()
        np.testing.assert_array_equal(opaque[..., :3], loaded(tmp_path / "a.tif", "rgb"))

    def test_is_none_beside_deep_grey(self, tmp_path):
        Image.fromarray(np.array([[0, 301, 65_535]], np.uint16)).save(tmp_path / "a.png")
        levels = loaded(tmp_path / "a.png", "rgba")
        assert levels.dtype == np.uint16
        assert levels[0].tolist() == [[grey] * 3 + [65_535] for grey in (0, 301, 65_535)]

    @pytest.mark.parametrize("table", [b"\x00\x80\xff", 0])
    def test_of_a_palette(self, tmp_path, table):
        picture = Image.new("P", (3, 1))
        picture.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
        picture.putdata([2, 1, 0])
        picture.save(tmp_path / "a.png", transparency=table)
        half = 128 if isinstance(table, bytes) else 255
        shown = loaded(tmp_path / "a.png", "rgba", background="#010203")
        assert shown.tolist() == [[[0, 0, 255, 255], [0, 255, 0, half], [1, 2, 3, 0]]]

    def test_of_grey(self, tmp_path):
        saved(tmp_path / "a.png", [[[9, 255], [80, 7]]])
        (tmp_path / "b.png").write_bytes(png16(4, [(9 * 257, 65_535), (80 * 257, 7 * 257)]))
        for name in ("a.png", "b.png"):
            shown = loaded(tmp_path / name, "rgba")
            assert shown.tolist() == [[[9, 9, 9, 255], [80, 80, 80, 7]]]

    def test_of_one_colour(self, tmp_path):
        (tmp_path / "a.png").write_bytes(png16(0, [300, 65_535], (b"tRNS", struct.pack(">H", 300))))
        Image.new("RGB", (1, 1), (9, 8, 7)).save(tmp_path / "b.png", transparency=(9, 8, 7))
        for name in ("a.png", "b.png"):
            shown = loaded(tmp_path / name, "rgba", background="blue")
            assert shown[0, 0].tolist() == [0, 0, 255, 0]
        assert loaded(tmp_path / "a.png", "rgba")[0, 1].tolist() == [255] * 4

    def test_survives_a_profile_and_a_turn(self, tmp_path):
        exif = Image.Exif()
        exif[0x0112] = 6
        stored = [[[255, 0, 0, 51], [255, 0, 0, 255]]]
        saved(tmp_path / "a.png", stored, icc_profile=SWAPPED, exif=exif)
        shown = loaded(tmp_path / "a.png", "rgba")
        np.testing.assert_allclose(shown, [[[0, 255, 0, 51]], [[0, 255, 0, 255]]], atol=2)

    @pytest.mark.parametrize("max_pixels", [None, 64])
    def test_hidden_colours_are_the_background(self, tmp_path, rng, max_pixels):
        stored = rng.integers(0, 256, (32, 32, 4))
        stored[:, :16, 3], stored[:, 16:] = 0, (10, 20, 30, 255)
        file = saved(tmp_path / "a.png", stored)
        shown = loaded(file, "rgba", background="#fa0", max_pixels=max_pixels)
        hidden = shown[..., 3] == 0
        assert hidden.any()
        assert (shown[hidden] == (255, 170, 0, 0)).all()

    @pytest.mark.parametrize("max_pixels", [31 * 31, 150 * 150])
    def test_edges_have_no_fringe_when_scaled(self, tmp_path, max_pixels):
        """Hidden green must not bleed into the disc, nor bytes of a faint colour be coarse."""
        y, x = np.mgrid[:200, :200]
        disc = np.hypot(x - 100, y - 100) < 71.5
        stored = np.where(disc[..., np.newaxis], (230, 30, 90, 255), (0, 255, 0, 0))
        shown = loaded(saved(tmp_path / "a.png", stored), "rgba", max_pixels=max_pixels)
        edge = (shown[..., 3] > 0) & (shown[..., 3] < 255)
        assert edge.sum() > 50
        assert (shown[shown[..., 3] > 0][:, :3] == (230, 30, 90)).all()
        assert shown[..., 3].mean() == pytest.approx(255 * disc.mean(), abs=1.5)

    @pytest.mark.parametrize("size", [(406, 300), (100, 74), (13, 301), (3, 1)])
    @pytest.mark.parametrize("strip_pixels", [1 << 19, 3000])
    def test_is_scaled_as_opaque_pictures_are(self, rng, size, strip_pixels):
        opaque = Image.fromarray(rng.integers(70, 186, (301, 407, 3), dtype=np.uint8))
        expected = np.asarray(opaque.resize(size, Image.Resampling.LANCZOS)).astype(int)
        shown = np.asarray(downscale(opaque.convert("RGBA"), size, strip_pixels=strip_pixels))
        np.testing.assert_allclose(shown[..., :3], expected, atol=1)
        assert (shown[..., 3] == 255).all()


def test_other_channels_are_refused(tmp_path):
    with pytest.raises(InputError, match="rgb, grey, rgba"):
        load_image(tmp_path / "a.png", channels="cmyk")
    with pytest.raises(InputError, match="rgb, grey, rgba"):
        ImageConfig(channels="cmyk")


class TestSaving:
    @pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp", ".webp", ".gif", ".jpg"])
    @pytest.mark.parametrize("dtype", [np.uint8, np.float32])
    def test_grey_goes_anywhere(self, tmp_path, suffix, dtype):
        ramp = np.add.outer(np.arange(16), np.arange(16))[..., np.newaxis] * 8
        file = tmp_path / f"a{suffix}"
        save_image(file, ramp.astype(np.uint8) if dtype == np.uint8 else (ramp / 255).astype(dtype))
        lossy = 5 if suffix == ".jpg" else 0
        np.testing.assert_allclose(loaded(file, "grey").astype(int), ramp, atol=lossy)
        with Image.open(file) as written:
            assert written.mode in ("L", "P") or suffix == ".webp"

    @pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
    def test_transparency_comes_back(self, tmp_path, suffix):
        y, x = np.mgrid[:16, :16]
        stored = np.stack((x * 16, y * 16, 255 - x * 8, y * 17), axis=2).astype(np.uint8)
        save_image(tmp_path / f"a{suffix}", stored)
        with Image.open(tmp_path / f"a{suffix}") as written:
            np.testing.assert_array_equal(np.asarray(written), stored)  # where alpha is 0, too
        again = loaded(tmp_path / f"a{suffix}", "rgba")
        np.testing.assert_array_equal(again[1:], stored[1:])

    @pytest.mark.parametrize("suffix", [".jpg", ".bmp", ".gif"])
    @pytest.mark.parametrize("kind", ["array", "pillow"])
    def test_transparency_is_not_lost_in_silence(self, tmp_path, suffix, kind):
        picture = np.zeros((3, 4, 4), np.uint8)
        with pytest.raises(InputError, match=rf"a{suffix}.*transparency.*\.png"):
            save_image(
                tmp_path / f"a{suffix}", picture if kind == "array" else Image.fromarray(picture)
            )
        check_image_target(tmp_path / f"a{suffix}", 4, 3)
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("shape", [(4, 4), (4, 4, 2), (4, 4, 5), (1, 4, 4, 3), (0, 4, 3)])
    def test_other_shapes_are_refused(self, tmp_path, shape):
        with pytest.raises(InputError, match="1, 3 or 4 channels"):
            save_image(tmp_path / "a.png", np.zeros(shape, np.uint8))

    @pytest.mark.parametrize("count", COUNTS)
    def test_a_canvas_takes_its_channels_only(self, count, rng):
        picture = rng.integers(0, 256, (6, 5, count), dtype=np.uint8)
        canvas = Canvas(5, 6, count)
        for top in (3, 0):
            canvas.paste(top, picture[top : top + 3])
        np.testing.assert_array_equal(np.asarray(canvas.image).reshape(6, 5, count), picture)
        for other in {1, 2, 3, 4} - {count}:
            with pytest.raises(ValueError, match="does not fit"):
                canvas.paste(0, np.zeros((2, 5, other), np.uint8))


class TestLearning:
    @pytest.mark.parametrize("count", COUNTS)
    def test_equals_the_naive_twin(self, count, rng):
        picture = rng.random((8, 6, count), dtype=np.float32)
        config = FitConfig(layers=(12, 9), epochs=1)
        trainer = FitTrainer(picture, config)
        twin = NaiveNetwork.copy_of(trainer.network)
        trainer.train(seconds=0.0)  # draws the order only
        for pixel in trainer.learning.samples.order.tolist():
            row, column = divmod(pixel, 6)
            twin.learn((column / 5, row / 7), picture[row, column], config.learning_rate)
        while not trainer.train():
            continue
        np.testing.assert_allclose(values(trainer.network), twin.values(), atol=2e-5)

    @pytest.mark.parametrize(
        "options", [{}, {"optimizer": "adam", "batch_size": 16, "learning_rate": 0.01}]
    )
    @pytest.mark.parametrize("count", COUNTS)
    def test_draws_what_it_learned(self, count, options):
        """A colour for each channel, so that none may stand in another's place."""
        y, x = np.mgrid[:12, :16]
        ramps = (x / 15, y / 11, 1 - x / 15, 1 - y / 11)
        picture = np.stack(ramps[:count], axis=2).astype(np.float32)
        *_, last = fit(picture, layers=(16,), epochs=60, **options)
        assert last.picture.shape == picture.shape
        assert last.psnr == pytest.approx(psnr(last.network.render(), picture), abs=1e-6)
        assert last.psnr > 45

    @pytest.mark.parametrize("count", COUNTS)
    def test_any_number_of_threads_gives_the_same_bits(self, count, rng):
        picture = rng.integers(0, 256, (20, 20, count), dtype=np.uint8)
        options = {"layers": (64, 64), "epochs": 2}
        bits = {
            list(fit(picture, threads=threads, **options))[-1].network.parameters.tobytes()
            for threads in (1, 2)
        }
        assert len(bits) == 1

    @pytest.mark.parametrize("count", COUNTS)
    def test_a_model_file_keeps_its_channels(self, tmp_path, count, rng):
        network = PaintingNetwork(tuple(dense_stack(2, (5,), count, 0.01)), (6, 4)).draw_params(
            1.0, rng
        )
        network.save(tmp_path / "model.npz")
        again = PaintingNetwork.load(tmp_path / "model.npz")
        assert again.channels == count
        np.testing.assert_array_equal(again.render(), network.render())
        assert again.render().shape == (4, 6, count)


class TestAnimation:
    @staticmethod
    def frames(folder, pictures):
        for epoch, picture in enumerate(pictures):
            save_image(frame_path(folder, epoch), picture)
        return [frame_path(folder, epoch) for epoch in range(len(pictures))]

    @staticmethod
    def shown(path, index):
        with Image.open(path) as image:
            image.seek(index)
            return np.asarray(image.convert("RGB")).astype(int)

    @pytest.mark.parametrize(("suffix", "close"), [(".png", 0), (".gif", 3), (".webp", 6)])
    def test_grey_stays_grey(self, tmp_path, suffix, close):
        ramp = np.add.outer(np.arange(16), np.arange(16))[..., np.newaxis].astype(np.uint8) * 8
        frames = self.frames(tmp_path, [ramp, 255 - ramp])
        write_animation(tmp_path / f"a{suffix}", frames)
        shown = self.shown(tmp_path / f"a{suffix}", 1)
        assert np.ptp(shown, axis=2).max() <= close
        np.testing.assert_allclose(shown[..., 0].mean(), (255 - ramp).mean(), atol=2)

    @pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # of imageio-ffmpeg
    @pytest.mark.parametrize("suffix", WRITERS)
    def test_transparent_frames_stand_before_the_background(self, tmp_path, suffix):
        first = np.zeros((16, 16, 4), np.uint8)
        second = first.copy()
        second[:8] = (200, 100, 0, 64)
        write_animation(
            tmp_path / f"a{suffix}", self.frames(tmp_path, [first, second]), background="#0a1450"
        )
        behind = np.array([10, 20, 80])
        if WRITERS[suffix].needs_ffmpeg:
            shown = read_video(tmp_path / f"a{suffix}")[0][-1]
        else:
            shown = self.shown(tmp_path / f"a{suffix}", 1)
            with Image.open(tmp_path / f"a{suffix}") as image:
                assert image.convert("RGBA").getextrema()[3] == (255, 255)
        mixed = behind + 64 / 255 * (np.array([200, 100, 0]) - behind)
        close = 1 if suffix in (".png", ".gif") else 8
        np.testing.assert_allclose(shown[2, 2], mixed, atol=close)
        np.testing.assert_allclose(shown[13, 2], behind, atol=close)

    def test_no_background(self, tmp_path):
        frames = self.frames(tmp_path, [np.zeros((4, 4, 4), np.uint8)])
        with pytest.raises(InputError, match="colour"):
            write_animation(tmp_path / "a.gif", frames, background="nothing")
        assert not (tmp_path / "a.gif").exists()


class TestCommands:
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)

    @pytest.fixture
    def picture(self):
        """A soft disc, with noise in its hidden pixels."""
        y, x = np.mgrid[:16, :24]
        alpha = np.clip((8 - np.hypot(x - 12, y - 8)) / 3, 0, 1) * 255
        noise = np.random.default_rng(0).integers(0, 256, (16, 24, 3))
        colours = np.where((alpha > 0)[..., np.newaxis], (230, 30, 60), noise)
        return saved(Path("pic.png"), np.dstack((colours, alpha)))

    @staticmethod
    def run(*args, code=0):
        result = CliRunner().invoke(cli, [str(arg) for arg in args])
        assert result.exit_code == code, result.output
        return result

    @pytest.mark.parametrize(
        ("channels", "mode"), [("rgb", "RGB"), ("grey", "L"), ("rgba", "RGBA")]
    )
    def test_a_run_from_picture_to_animation(self, picture, channels, mode):
        options = ("--layers", "2x16", "--channels", channels, "--background", "#203040")
        options += ("--with-target", "--animation", "a.gif", "--animation", "a.png")
        self.run(picture, *options, "--epochs", 4, "-o", "whole")
        self.run(picture, *options, "--epochs", 2)
        self.run(picture, "--resume", "--epochs", 4)
        for name in ("final.png", "target.png", "frames/epoch-000003.png"):
            assert (Path("pic-fit") / name).read_bytes() == (Path("whole") / name).read_bytes()
            with Image.open(Path("pic-fit") / name) as image:
                assert (image.mode, image.size) == (mode, (24, 16))
        for name in ("a.gif", "a.png"):
            with Image.open(Path("pic-fit") / name) as film:
                assert film.width == 2 * 24 + 2
                corner = film.convert("RGB").getpixel((film.width - 1, 0))
                behind = (45, 45, 45) if channels == "grey" else (0x20, 0x30, 0x40)
                np.testing.assert_allclose(corner, behind, atol=1)
        final = to_uint8(load_image("pic-fit/final.png", background="#203040").levels)
        with Image.open("pic-fit/a.png") as film:
            film.seek(film.n_frames - 1)
            np.testing.assert_array_equal(np.asarray(film.convert("RGB"))[:, :24], final)

        self.run("render", "pic-fit", "-o", "again.png", "-q")
        with Image.open("again.png") as again, Image.open("pic-fit/final.png") as final:
            assert again.mode == mode
            assert again.tobytes() == final.tobytes()
        for path in ("pic-fit", "pic-fit/model.npz"):
            assert json.loads(self.run("info", path, "--json").stdout)["channels"] == channels

    def test_a_resumed_run_keeps_its_channels(self, picture):
        self.run(picture, "--layers", "4", "--epochs", 1, "--channels", "rgba")
        words = self.run(picture, "--resume", "--channels", "rgb", code=2).stderr
        assert "--channels (was rgba, now rgb)" in words

    @pytest.mark.parametrize("name", ["x.jpg", "x.gif", "x.bmp"])
    def test_transparency_is_drawn_where_it_can_be_kept(self, picture, name):
        self.run(picture, "--layers", "4", "--epochs", 1, "--channels", "rgba")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(PaintingNetwork, "predict", None)  # refused before anything is drawn
            (line,) = self.run("render", "pic-fit", "-o", name, code=2).stderr.splitlines()
        assert "transparency" in line
        assert not Path(name).exists()
        self.run("render", "pic-fit", "-o", "x.webp")
        with Image.open("x.webp") as drawn:
            assert drawn.mode == "RGBA"

    def test_noise_in_hidden_pixels_is_not_learned(self, picture):
        self.run(picture, "--layers", "4", "--epochs", 1, "--channels", "rgba")
        hidden = np.asarray(Image.open("pic-fit/target.png"))[0, 0]
        assert hidden.tolist() == [255, 255, 255, 0]
