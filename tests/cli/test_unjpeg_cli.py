"""``fit-image unjpeg``: its commands, its folder, interruptions, and what it refuses."""

from __future__ import annotations

import json
import os
import shutil
import signal
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image, ImageCms, ImageOps
from PIL.PngImagePlugin import PngInfo

from fit_image.apps.unjpeg.directory import UnjpegDirectory
from fit_image.apps.unjpeg.model import Restorer
from fit_image.apps.unjpeg.residual.model import ResidualNetwork
from fit_image.apps.unjpeg.restoration import Restoration
from fit_image.apps.unjpeg.restoring import check_restored, read_picture, save_restored
from fit_image.cli import cli
from fit_image.cli.display.displays import Display
from fit_image.images.fidelity import psnr
from fit_image.images.formats.jpeg import Compression, quality_of, subsampling_of
from fit_image.storage.npz import read_archive
from kinds import UNJPEG as SMALL
from kinds import words
from shell import Shell

shell = Shell("unjpeg")
succeed, fail = shell.succeed, shell.fail


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    return words(tmp_path_factory.mktemp("clean"))


@pytest.fixture(scope="module")
def run(clean, tmp_path_factory):
    """A finished training of two epochs."""
    folder = tmp_path_factory.mktemp("run") / "words"
    succeed("train", clean, "-o", folder, "--epochs", 2, *SMALL, "-q")
    return folder


@pytest.fixture
def jpeg(clean):
    with Image.open(clean / "1.png") as picture:
        picture.save("in.jpg", quality=30)
    return Path("in.jpg")


def contents(folder):
    checkpoint = read_archive(Path(folder) / "checkpoint.npz", "unjpeg_checkpoint", 2)
    return {name: array for name, array in checkpoint.items() if name != "seconds"}


def equal(one, other):
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def test_training_leaves_all_its_files(run, clean):
    assert {path.name for path in run.iterdir()} == {
        ".lock",
        "animation.gif",
        "checkpoint.npz",
        "final.png",
        "frames",
        "metrics.csv",
        "model.npz",
        "unjpeg.json",
    }
    assert len(list((run / "frames").iterdir())) == 3
    head, *rows = (run / "metrics.csv").read_text().splitlines()
    assert head == "epoch,error,damage,validation_error,validation_damage,gain,seconds"
    assert [row.split(",")[0] for row in rows] == ["1", "2"]
    folder = UnjpegDirectory.open(run)
    assert folder.result.status == "done"
    assert (folder.manifest.source.training, folder.manifest.source.validation) == (3, 1)
    assert folder.manifest.source.path == str(clean)
    assert folder.manifest.config.widths == (12,)
    with Image.open(run / "final.png") as sheet:
        # JPEG's, the network's and the clean part, 70 x 90 enlarged, with gaps.
        assert sheet.size == (3 * 3 * 90 + 2 * 6, 3 * 70)


def test_json(clean):
    result = succeed("train", clean, "-o", "run", "--epochs", 1, *SMALL, "--json", "-q")
    summary = json.loads(result.stdout)
    assert summary["epochs"] == 1
    assert summary["validation_error"] > 0
    assert summary["gain"] == pytest.approx(
        20 * np.log10(summary["validation_damage"] / summary["validation_error"]), abs=1e-3
    )


def test_what_a_training_cannot_go_on_with(run, clean, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for seed in range(3):
        Image.new("RGB", (50 + seed, 50), "red").save(other / f"{seed}.png")
    assert "the pictures" in fail("train", other, "-o", run, "--resume", "-q")
    assert "--block (was 8, now 16)" in fail(
        "train", clean, "-o", run, "--resume", "--block", 16, "-q"
    )
    assert "at 2 already" in fail("train", clean, "-o", run, "--resume", "--epochs", 1, "-q")
    assert "already holds a run" in fail("train", clean, "-o", run)


def test_the_learning_rate_may_change(clean):
    succeed("train", clean, "-o", "run", "--epochs", 1, *SMALL, "-q")
    succeed("train", clean, "-o", "run", "--epochs", 2, "--resume", "--lr", 0.001, "-q")
    stages = UnjpegDirectory.open("run").manifest.periods
    assert [(stage.epoch, stage.config.learning_rate) for stage in stages] == [
        (0, 0.003),
        (1, 0.001),
    ]


def test_divergence_is_one_line_and_the_last_good_epoch_is_kept(clean, run, monkeypatch):
    from fit_image.apps.unjpeg import trainer

    succeed("train", clean, "-o", "run", "--epochs", 1, *SMALL, "-q")
    before = contents("run")
    train_step = trainer.PatchTrainer.train_step

    def sick(self, go_on=lambda: True):
        if self.progress.position == 5:
            self.trained.network.parameters[:] = np.nan
        return train_step(self, go_on)

    monkeypatch.setattr(trainer.PatchTrainer, "train_step", sick)
    result = shell.run("train", clean, "-o", "run", "--epochs", 3, "--resume", "-q")
    assert result.exit_code == 1
    assert "not finite in epoch 2; run keeps the last good epoch, 1" in result.stderr
    assert UnjpegDirectory.open("run").result.status == "diverged"
    equal(contents("run"), before)
    assert len(Path("run/metrics.csv").read_text().splitlines()) == 2


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_divergence_in_the_last_step_of_an_epoch(number, clean, monkeypatch):
    from fit_image.apps.unjpeg import trainer

    succeed("train", clean, "-o", "run", "--epochs", 1, *SMALL, "-q")
    before = contents("run")
    train_step = trainer.PatchTrainer.train_step

    def sick(self, go_on=lambda: True):
        figures = train_step(self, go_on)
        if self.epoch_is_over:
            self.trained.network.parameters[:] = number
        return figures

    monkeypatch.setattr(trainer.PatchTrainer, "train_step", sick)
    result = shell.run("train", clean, "-o", "run", "--epochs", 3, "--resume", "-q")
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert "not finite in epoch 2; run keeps the last good epoch, 1" in line
    equal(contents("run"), before)
    assert not Path("run/frames/epoch-000002.png").exists()


def test_bad_folders_are_one_line(tmp_path):
    assert "nowhere" in fail("train", "nowhere")
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "it is empty" in fail("train", empty)
    (empty / "notes.txt").write_text("none")
    assert "none of its files is one: 1" in fail("train", empty)
    Image.new("RGB", (20, 20)).save(empty / "small.png")
    assert "24 x 24" in fail("train", empty)
    assert "only one picture" in fail("train", empty, "--block", 16)
    Image.new("RGB", (20, 20)).save(empty / "other.png")
    assert "single colour" in fail("train", empty, "--block", 16, "-q")


def test_damaged_pictures_are_named(clean, tmp_path):
    folder = tmp_path / "some"
    shutil.copytree(clean, folder)
    for seed in range(4, 8):
        shutil.copy(clean / "0.png", folder / f"{seed}.png")
    torn = folder / "2.png"
    torn.write_bytes(torn.read_bytes()[:-200])
    result = succeed("train", folder, "--epochs", 1, *SMALL)
    assert result.stderr.splitlines().count(f"{folder}: left out, as damaged: 2.png") == 1


def test_what_was_in_the_folder_is_replaced_whole(clean):
    rng = np.random.default_rng(0)
    np.savez("noise.npz", images=rng.integers(0, 256, (20, 8, 8), dtype=np.uint8))
    shell_of = {"autoencode": ("noise.npz", "--bottleneck", 2), "unjpeg": (clean, *SMALL)}
    for name in ("autoencode", "unjpeg", "autoencode"):
        train = (*shell_of[name], "-o", "run", "--epochs", 1, "-q")
        if Path("run").exists():
            assert "would be replaced" in Shell(name).fail("train", *train)
        Shell(name).succeed("train", *train, "--overwrite")
        assert len(list(Path("run").glob("*.json"))) == 1
        facts = json.loads(Shell("info").succeed("run", "--json").stdout)
        assert ("bottleneck" in facts) == (name == "autoencode")


def test_a_folder_with_a_link_to_itself_is_read_once(clean, run, tmp_path):
    folder = tmp_path / "some"
    shutil.copytree(clean, folder)
    (folder / "loop").symlink_to(folder)
    facts = json.loads(succeed("score", run, folder, "--json", "-q").stdout)
    assert len(facts["pictures"]) == 4


def test_names_are_shown_in_one_line(clean, run, tmp_path):
    folder = tmp_path / "some"
    shutil.copytree(clean, folder)
    (folder / "0.png").rename(folder / "a\n\x1b[31mb.png")
    (folder / "c\nd.txt").touch()
    result = succeed("score", run, folder)
    assert len(result.stdout.split("\n\n")[0].splitlines()) == 6
    assert "a\\n\\x1b[31mb.png" in result.stdout
    assert f"{folder}: left out, as no whole pictures: c\\nd.txt\n" in result.stderr
    assert "\x1b" not in result.stdout + result.stderr


def test_pictures_without_any_error_do_not_count(clean, run, tmp_path):
    folder = tmp_path / "some"
    shutil.copytree(clean, folder)
    Image.new("RGB", (64, 64), "white").save(folder / "white.png")
    facts = json.loads(succeed("score", run, folder, "--json", "-q").stdout)
    expected = np.mean([each["gain"] for each in facts["pictures"] if each["file"] != "white.png"])
    assert facts["mean_gain"] == pytest.approx(expected, abs=1e-3)
    table = succeed("score", run, folder, "-q").stdout.splitlines()
    assert f"{expected:+6.2f} dB" in table[6]
    assert table[-1] == "1 not in the mean: exact, as JPEG or restored"


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_measuring_at_once(signum, clean, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for index in range(400):
        (folder / f"{index}.png").symlink_to(clean / f"{index % 4}.png")
    process = shell.start("train", folder, "-o", "run", "--whiten", *SMALL)
    assert "measuring" in process.stderr.readline()
    process.send_signal(signum)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 128 + signum
    assert stderr == "fit-image: interrupted\n"
    assert not Path("run").exists()


def test_results_do_not_go_among_the_data(clean):
    assert "in the folder of the data" in fail("train", clean, "-o", clean / "run")


def test_apply_and_compare(run, jpeg):
    result = succeed("apply", run, jpeg, "-o", "out.png", "--compare", "side.png", "-q")
    assert result.stdout.split() == ["out.png", "side.png"]
    with Image.open("out.png") as out, Image.open(jpeg) as before, Image.open("side.png") as side:
        assert out.size == before.size == (90, 70)
        assert side.size == (188, 70)
        restoration = Restoration(Restorer.load(run))
        expected = restoration.restore(np.asarray(before), read_picture(jpeg).jpeg)
        assert (np.asarray(out) == expected).all()
        assert (np.asarray(out) != np.asarray(before)).any()


def test_apply_keeps_what_it_does_not_touch(jpeg):
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "words"
    profile = b"\0" * 36 + b"acsp" + b"\0" * 88
    more = {"xmp": b"<x/>", "comment": b"a comment"}
    with Image.open(jpeg) as picture:
        picture.save(
            "notes.jpg", quality=40, exif=exif, icc_profile=profile, dpi=(144, 144), **more
        )
    shown = json.loads(succeed("apply", "notes.jpg", "--json", "-q").stdout)
    assert (shown["width"], shown["height"]) == (70, 90)
    for output, turn in (("notes.png", 1), ("again.jpg", 6), ("notes.webp", 1), ("notes.tif", 1)):
        succeed("apply", "notes.jpg", "-o", output, "-q")
        with Image.open(output) as out:
            assert out.size == ((90, 70) if turn == 6 else (70, 90))
            out.load()
            tags = out.getexif()
            assert (tags.get(0x0112, 1), tags[0x010E]) == (turn, "words")
            assert out.info["icc_profile"] == profile
            assert out.info["xmp"] == b"<x/>"
            if output != "notes.webp":
                assert out.info["dpi"] == pytest.approx((144, 144), abs=0.1)
            comment = {"notes.png": "a comment", "again.jpg": b"a comment"}.get(output)
            assert out.info.get("Comment", out.info.get("comment")) == comment


@pytest.mark.parametrize("turn", range(1, 9))
def test_pictures_side_by_side_stand_upright(turn, jpeg):
    exif = Image.Exif()
    exif[0x0112] = turn
    with Image.open(jpeg) as picture:
        picture.save("lying.jpg", quality=40, exif=exif)
    succeed("apply", "lying.jpg", "-o", "out.png", "--compare", "side.png", "-q")
    with Image.open("out.png") as out, Image.open("side.png") as side:
        upright = np.asarray(out)
        height, width, _ = upright.shape
        assert side.size == (2 * width + 8, height)
        assert (np.asarray(side)[:, width + 8 :] == upright).all()
        with Image.open("lying.jpg") as lying:
            before = np.asarray(ImageOps.exif_transpose(lying))
        assert (np.asarray(side)[:, :width] == before).all()


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".bmp", ".gif", ".jpg"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_pictures_stand_upright_for_every_reader(turn, suffix):
    levels = np.zeros((16, 24, 3), np.uint8)
    levels[:8, :8], levels[8:, 8:] = (200, 40, 40), (40, 90, 160)
    exif = Image.Exif()
    exif[0x0112] = turn
    Image.fromarray(levels).save("lying.jpg", quality=95, subsampling=0, exif=exif)
    damaged = read_picture(Path("lying.jpg"))
    target = Path(f"out{suffix}")
    check_restored(damaged, target)
    save_restored(target, damaged, damaged.pixels)
    with Image.open(target) as out, Image.open("lying.jpg") as lying:
        expected = np.asarray(ImageOps.exif_transpose(lying))
        if suffix == ".jpg":
            assert out.getexif()[0x0112] == turn
            out = ImageOps.exif_transpose(out)
        else:
            assert out.getexif().get(0x0112, 1) == 1
        seen = np.asarray(out.convert("RGB"))
    np.testing.assert_allclose(seen, expected, atol=3 if suffix in (".jpg", ".gif") else 0)


@pytest.mark.parametrize("suffix", [".gif", ".bmp"])
def test_what_a_format_cannot_keep_is_not_lost(suffix, jpeg):
    exif = Image.Exif()
    exif[0x010E] = "words"
    with Image.open(jpeg) as picture:
        picture.save("notes.jpg", quality=40, exif=exif)
    assert "EXIF" in fail("apply", "notes.jpg", "-o", f"out{suffix}")
    with Image.open(jpeg) as picture:
        picture.save("notes.jpg", quality=40, xmp=b"<x/>")
    assert "XMP" in fail("apply", "notes.jpg", "-o", f"out{suffix}")
    succeed("apply", jpeg, "-o", f"out{suffix}", "-q")


def test_what_is_too_large_to_be_side_by_side_is_said_first(jpeg):
    with Image.open(jpeg) as picture:
        picture.resize((9000, 8)).save("long.jpg", quality=40)
    line = fail("apply", "long.jpg", "-o", "out.png", "--compare", "side.webp")
    assert "16383" in line
    assert "leave --compare out" in line


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "LA", "1"])
def test_apply_keeps_the_mode(mode, jpeg):
    with Image.open(jpeg) as picture:
        picture = picture.convert("RGB")
    if "A" in mode:
        picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    picture.convert(mode).save("in.png")
    succeed("apply", "in.png", "-o", "out.png", "-q")
    with Image.open("out.png") as out, Image.open("in.png") as before:
        assert out.mode == {"P": "RGB", "LA": "RGBA", "1": "L"}.get(mode, mode)
        if "A" in mode:
            assert out.getchannel("A").tobytes() == before.getchannel("A").tobytes()


def test_the_tables_of_a_jpeg_count_and_no_quality(jpeg):
    before, jpeg_planes = read_picture(jpeg).pixels, read_picture(jpeg).jpeg
    expected = Restoration.shipped().restore(before, jpeg_planes)
    for options, said in (((), ""), (("--quality", 85), "--quality does not")):
        assert said in succeed("apply", jpeg, "-o", "out.png", *options).stderr
        with Image.open("out.png") as out:
            assert (np.asarray(out) == expected).all()


def test_more_effort_is_another_and_a_better_picture(jpeg):
    before, jpeg_planes = read_picture(jpeg).pixels, read_picture(jpeg).jpeg
    succeed("apply", jpeg, "-o", "out.png", "--effort", 3)
    wanted = Restoration.shipped(effort=3).restore(before, jpeg_planes)
    with Image.open("out.png") as out:
        assert (np.asarray(out) == wanted).all()
    for effort in (1, 2):
        other = Restoration.shipped(effort=effort).restore(before, jpeg_planes)
        assert (wanted != other).any()


@pytest.mark.parametrize("behind", [0, 1], ids=["JPEG", "MPO"])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2"])
def test_other_samplings_are_restored(subsampling, behind, run, jpeg):
    with Image.open(jpeg) as picture:
        several = {"save_all": True, "append_images": [picture.copy()] * behind}
        picture.save("other.jpg", "MPO", quality=85, subsampling=subsampling, **several)
    assert succeed("apply", "other.jpg", "-o", "a.png").stderr == ""
    (line,) = succeed("apply", run, "other.jpg", "-o", "b.png").stderr.splitlines()
    assert f"other.jpg: it has {subsampling} chroma subsampling, but" in line
    assert "was trained on 4:2:0: it may get worse" in line
    assert succeed("apply", run, jpeg, "-o", "b.png").stderr == ""


def test_a_picture_that_never_was_a_jpeg_is_told_and_left_alone(clean):
    (line,) = succeed("apply", clean / "1.png", "-o", "out.png").stderr.splitlines()
    assert "shows no traces of JPEG and is left as it is" in line
    with Image.open("out.png") as out, Image.open(clean / "1.png") as before:
        assert (np.asarray(out) == np.asarray(before)).all()
    (line,) = succeed("apply", clean / "1.png", "-o", "b.png", "--quality", 50).stderr.splitlines()
    assert "is changed as if it had been one of quality 50" in line


def test_a_script_is_told_what_is_left_alone(clean):
    facts = json.loads(succeed("apply", clean / "1.png", "-o", "out.png", "--json", "-q").stdout)
    (remark,) = facts["remarks"]
    assert "shows no traces of JPEG and is left as it is" in remark


def test_16_bits_are_not_cut_to_8():
    rows = b"".join(b"\0" + bytes(24 * 6) for _ in range(16))
    header = struct.pack(">2I5B", 24, 16, 16, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    parts = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    ]
    Path("deep.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    line = fail("apply", "deep.png", "-o", "out.png")
    assert "its pixels are RGB of 16 bits; convert it to RGB or grey of 8 bits first" in line
    assert not Path("out.png").exists()


@pytest.mark.parametrize("mode", ["LA", "L"])
def test_a_profile_of_grey_is_not_kept_for_colours(mode):
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[16:20] = b"GRAY"
    options = {"transparency": 3} if mode == "L" else {}
    Image.new(mode, (16, 16)).save("in.png", icc_profile=bytes(profile), **options)
    line = fail("apply", "in.png", "-o", "out.png")
    assert f"its pixels are {mode} with a colour profile of grey" in line


def test_texts_stay_beside_one_that_is_too_large():
    texts = PngInfo()
    texts.add_text("Title", "kept", zip=True)
    texts.add_text("Author", "kept, too")
    texts.add_text("Log", "x" * 2_000_000, zip=True)
    Image.new("RGB", (16, 16)).save("in.png", pnginfo=texts, dpi=(100, 100))
    lines = succeed("apply", "in.png", "-o", "out.png").stderr
    assert "in.png: metadata that are damaged or too large are left out" in lines
    with Image.open("out.png") as out:
        assert out.text == {"Title": "kept", "Author": "kept, too"}
        assert out.info["dpi"] == pytest.approx((100, 100), 1e-3)


def test_what_a_jpeg_cannot_hold_is_named():
    texts = PngInfo()
    texts.add_text("Comment", "x" * 70_000)
    Image.new("RGB", (16, 16)).save("in.png", pnginfo=texts)
    line = fail("apply", "in.png", "-o", "out.jpg")
    assert "JPEG cannot hold the picture's comment; use .png" in line


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_camera_file_of_several_pictures_is_restored_as_its_first(mode, jpeg):
    with Image.open(jpeg) as picture:
        picture = picture.convert(mode)
    picture.save("one.jpg", quality=70)
    more = [picture.resize((40, 30))]
    picture.save("several.jpg", "MPO", quality=70, save_all=True, append_images=more)
    for name in ("one", "several"):
        succeed("apply", f"{name}.jpg", "-o", f"{name}.png", "-q")
    assert Path("one.png").read_bytes() == Path("several.png").read_bytes()


def test_lossless_formats_hold_the_same_pixels_and_jpeg_nearly(jpeg):
    pixels = {}
    for suffix in ("png", "webp", "tif", "bmp", "jpg"):
        succeed("apply", jpeg, "-o", f"out.{suffix}", "-q")
        with Image.open(f"out.{suffix}") as out:
            pixels[suffix] = np.asarray(out)
    for suffix in ("webp", "tif", "bmp"):
        np.testing.assert_array_equal(pixels[suffix], pixels["png"])
    with Image.open("out.jpg") as out:
        assert (quality_of(out), subsampling_of(out)) == (100, "4:4:4")
    assert psnr(pixels["jpg"], pixels["png"]) > 45


def test_what_never_was_a_jpeg_is_said_to_be_none(run, jpeg):
    with Image.open(jpeg) as picture:
        picture.save("in.png")
    said = "in.png: it is not a JPEG file, and is changed as if it had been"
    quality = f"{said} one of quality"
    for args, line in (
        (["in.png"], f"{quality} 85 (--quality)"),
        (["in.png", "--quality", 30], f"{quality} 30"),
        ([run, "in.png"], said),
    ):
        assert succeed("apply", *args, "-o", "out.png").stderr.splitlines() == [line]
    assert succeed("apply", jpeg, "-o", "out.png").stderr == ""


def test_score(run, clean):
    (clean / "notes.txt").write_text("no picture")
    result = succeed("score", run, clean, "--quality", 30, "--json", "-q")
    facts = json.loads(result.stdout)
    (clean / "notes.txt").unlink()
    assert facts["skipped"] == 1
    assert [each["file"] for each in facts["pictures"]] == [f"{n}.png" for n in range(4)]
    gains = [each["restored"] - each["jpeg"] for each in facts["pictures"]]
    assert [each["gain"] for each in facts["pictures"]] == pytest.approx(gains, abs=1e-3)
    assert facts["mean_gain"] == pytest.approx(np.mean(gains), abs=1e-3)
    assert facts["least_gain"] == pytest.approx(min(gains), abs=1e-3)
    table = succeed("score", run, clean, "--quality", 30, "-q").stdout
    assert f"{facts['mean_gain']:+6.2f} dB" in table.splitlines()[5]


def test_score_leaves_out_what_no_jpeg_can_hold(run, clean):
    Image.new("RGB", (66_000, 8)).save(clean / "wide.png")
    facts = json.loads(succeed("score", run, clean, "--json", "-q").stdout)
    (clean / "wide.png").unlink()
    assert [each["file"] for each in facts["pictures"]] == [f"{n}.png" for n in range(4)]
    assert facts["skipped"] == 1


def test_score_tells_of_pictures_that_are_jpegs_themselves(run, clean, tmp_path):
    folder = tmp_path / "some"
    shutil.copytree(clean, folder)
    assert "JPEG files" not in succeed("score", run, folder).stderr
    for number, name in enumerate(("0.jpg", "1.jpeg", "2.bin")):
        with Image.open(clean / f"{number}.png") as picture:
            picture.save(folder / name, "JPEG")
    result = succeed("score", run, folder, "--json")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"{folder}: 3 pictures: JPEG files, whose own artefacts count")
    assert line.endswith("gains are too low")
    assert json.loads(result.stdout)["remarks"] == [line]


@pytest.mark.parametrize("options", [(), ("--subsampling", "4:4:4")])
def test_score_compresses_as_it_is_asked_to(options, run, clean):
    facts = json.loads(succeed("score", run, clean, "--json", "-q", *options).stdout)
    subsampling = options[1] if options[1:] else "4:2:0"
    with Image.open(clean / "2.png") as picture:
        levels = np.asarray(picture)
    damaged = Compression(85, subsampling).apply(levels)
    assert facts["pictures"][2]["jpeg"] == pytest.approx(psnr(damaged, levels), abs=1e-3)


def test_score_compares_with_jpegqs_where_it_is_found(clean, tmp_path, monkeypatch):
    fake = tmp_path / "bin" / "jpegqs"
    fake.parent.mkdir()
    fake.write_text('#!/bin/sh\ncp "$5" "$6"\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(fake.parent), prepend=os.pathsep)
    facts = json.loads(succeed("score", clean, "--subsampling", "4:4:4", "--json", "-q").stdout)
    assert facts["mean"]["jpegqs"] == facts["mean"]["JPEG"]
    assert facts["mean"]["restored"]["psnr"] > facts["mean"]["JPEG"]["psnr"] + 1
    assert set(facts["mean"]["JPEG"]) == {"psnr", "luma_psnr", "ssim", "psnr_b"}


def test_exif_data_in_a_tiff(jpeg):
    exif = Image.Exif()
    exif[0x0110] = "camera"
    exif.get_ifd(0x8769)[0x829A] = 0.01
    with Image.open(jpeg) as picture:
        picture.save("camera.jpg", exif=exif, quality=40)
        picture.save("odd.png", exif=b"Exif\0\0junk")
    succeed("apply", "camera.jpg", "-o", "out.tiff", "-q")
    with Image.open("out.tiff") as out:
        assert out.getexif()[0x0110] == "camera"
        assert out.getexif().get_ifd(0x8769)[0x829A] == pytest.approx(0.01)
    line = fail("apply", "odd.png", "-o", "odd.tiff")
    assert "cannot write odd.tiff: TIFF cannot hold the picture's EXIF data" in line
    succeed("apply", "odd.png", "-o", "out.png", "--compare", "side.png", "-q")
    with Image.open("out.png") as out:
        assert out.info["exif"] == b"Exif\0\0junk"


def test_several_pictures_are_restored_and_damaged_ones_counted(run, jpeg, clean):
    shutil.copytree(clean, "photos/trip")
    shutil.copy(jpeg, "photos/0.jpg")
    shutil.copy(clean / "0.png", "photos/0.png")
    Path("photos/broken.jpg").write_bytes(jpeg.read_bytes()[:300])
    Path("photos/notes.txt").write_text("not a picture")
    result = shell.run("apply", run, "photos", jpeg, "-o", "out/deep")
    assert result.exit_code == 1
    names = ["0.jpg-restored.png", "0.png-restored.png", "in-restored.png"]
    written = {f"out/deep/{name}" for name in names}
    written |= {f"out/deep/trip/{number}-restored.png" for number in range(4)}
    assert set(result.stdout.splitlines()) == written == set(map(str, Path("out").rglob("*.png")))
    notes, last = result.stderr.splitlines()[-2:]
    assert "left out: cannot read photos/broken.jpg" in result.stderr
    assert result.stderr.count("broken.jpg") == 1
    assert notes == "left out, as no pictures: photos/notes.txt"
    assert last == "fit-image: 1 of 8 pictures left out"
    (quiet,) = shell.run("apply", "photos", "-o", "quiet", "-q").stderr.splitlines()
    assert quiet.startswith("fit-image: 1 of 7 pictures left out: cannot read photos/broken.jpg: ")
    succeed("apply", run, jpeg, "-o", "one.png", "-q")
    assert Path("one.png").read_bytes() == Path("out/deep/in-restored.png").read_bytes()

    Path("photos/broken.jpg").unlink()
    first = succeed("apply", "photos", "-o", "photos", "-q").stdout.splitlines()
    assert len(first) == 6
    facts = json.loads(succeed("apply", "photos", "-o", "photos", "--json", "-q").stdout)
    assert [each["output"] for each in facts["pictures"]] == first
    assert facts["left_out"] == {}


def test_damaged_pictures_are_named_once(clean):
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        shutil.copy(clean / "0.png", name)
        Path(name).write_bytes(Path(name).read_bytes()[: 90 if name < "c" else None])
    for options, ending in (((), ""), (("-q",), "; and b.jpg")):
        result = shell.run("apply", "a.jpg", "b.jpg", "c.jpg", "-o", "out", *options)
        assert [result.stderr.count(name) for name in ("a.jpg", "b.jpg")] == [1, 1]
        last = result.stderr.splitlines()[-1]
        assert last.startswith("fit-image: 2 of 3 pictures left out")
        assert last.endswith(ending)


def test_progress_counts_the_same_pictures_as_the_summary(jpeg, monkeypatch):
    Path("photos").mkdir()
    for name in ("0.jpg", "2.jpg", "3.jpg"):
        shutil.copy(jpeg, f"photos/{name}")
    Path("photos/1.txt").write_text("not a picture")
    Path("photos/2.jpg").write_bytes(jpeg.read_bytes()[:300])
    steps = []

    class Recorder(Display):
        def step(self, step):
            steps.append(step.parts)

    monkeypatch.setattr("fit_image.cli.unjpeg.apply.make_display", Recorder)
    result = shell.run("apply", "photos", "-o", "out")
    assert "1 of 3 pictures left out" in result.stderr
    assert list(dict.fromkeys(steps)) == [("picture 1/3", "0.jpg"), ("picture 3/3", "3.jpg")]


def test_a_picture_in_a_pipe(run, jpeg):
    succeed("apply", run, jpeg, "-o", "file.png", "-q")
    args = ["unjpeg", "apply", str(run), "-", "-o", "-"]
    piped = CliRunner().invoke(cli, args, input=jpeg.read_bytes())
    assert piped.exit_code == 0
    assert piped.stdout_bytes == Path("file.png").read_bytes()
    args = ["unjpeg", "apply", "-", "-o", "-", "--json", "-q"]
    piped = CliRunner().invoke(cli, args, input=jpeg.read_bytes())
    assert json.loads(piped.stderr) == {"output": "-", "width": 90, "height": 70}
    assert piped.stdout_bytes.startswith(b"\x89PNG")
    piped = CliRunner().invoke(cli, ["unjpeg", "apply", "-", "-q"], input=jpeg.read_bytes())
    assert piped.stdout == "stdin-restored.png\n"
    piped = CliRunner().invoke(cli, ["unjpeg", "apply", "-", "-o", "-"], input=b"")
    assert (piped.exit_code, piped.stdout_bytes) == (2, b"")
    assert "cannot read standard input: the file is empty" in piped.stderr


def test_what_applying_refuses(run, jpeg, tmp_path):
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "empty.jpg").touch()
    Image.new("CMYK", (20, 20)).save("print.jpg")
    (tmp_path / "none").mkdir()
    os.mkfifo("pipe.jpg")
    Image.new("L", (9, 9)).save("in-restored.png")
    Path("empty").touch()
    assert "not a regular file" in fail("apply", "pipe.jpg")
    assert "cannot read text.jpg" in fail("apply", "text.jpg")
    assert "empty" in fail("apply", "empty.jpg")
    assert "fit-image: cannot restore print.jpg: its pixels are CMYK" in fail("apply", "print.jpg")
    assert "nowhere.jpg" in fail("apply", "nowhere.jpg")
    assert "holds no pictures, and no model.npz" in fail("apply", "none", jpeg)
    assert f"is a part of {run}" in fail("apply", run / "checkpoint.npz", jpeg)
    np.savez("other.npz", a=1)
    assert "not a fit-image unjpeg file" in fail("apply", "other.npz", jpeg)
    assert "RUN comes first" in fail("apply", jpeg, run)
    assert "Give PICTURE" in fail("apply", run)
    assert "is an input of this command" in fail("apply", jpeg, "in-restored.png", "empty.jpg")
    assert "2 pictures do not fit in a.png" in fail("apply", jpeg, "text.jpg", "-o", "a.png")
    assert "--compare is for one" in fail("apply", jpeg, "text.jpg", "--compare", "a.png")
    assert "is not a folder" in fail("apply", jpeg, "text.jpg", "-o", "empty")
    assert "is not a folder" in fail("apply", jpeg, "text.jpg", "-o", "empty/deep")
    assert "is an input of this command" in fail("apply", jpeg, "-o", jpeg)
    assert "same file" in fail("apply", jpeg, "-o", "a.png", "--compare", "a.png")
    assert "same file" in fail("apply", jpeg, "-o", "a.png", "--compare", "none/../a.png")
    assert "must end in" in fail("apply", jpeg, "-o", "a.txt")
    assert shell.run("apply").exit_code == 2
    assert shell.run("apply", run, jpeg, "--quality", 50).exit_code == 2
    assert shell.run("apply", run, jpeg, "--effort", 2).exit_code == 2
    assert shell.run("score", run, clean, "--effort", 2).exit_code == 2


def test_info(run):
    facts = json.loads(Shell("info").succeed(run, "--json").stdout)
    assert facts["status"] == "done"
    assert facts["block"] == 8
    assert facts["validation_error"] > 0
    facts = json.loads(Shell("info").succeed(run / "model.npz", "--json").stdout)
    assert facts["parameters"] == (192 + 1) * 12 + (12 + 1) * 192
    assert facts["block"] == 8


def test_a_full_disk_is_one_line(clean):
    line = shell.fail_on_full_disk("train", clean, "-o", "run", *SMALL, "--epochs", 1, "-q")
    assert " run/" in line


def test_the_commands_are_listed():
    text = shell.run().stdout
    assert all(name in text for name in ("train", "apply", "score"))


def test_a_jpeg_of_unusual_sampling_is_left_alone_unless_asked(run, jpeg):
    data = jpeg.read_bytes()
    at = data.index(b"\xff\xc0") + 11
    Path("odd.jpg").write_bytes(data[:at] + b"\x31" + data[at + 1 :])  # 3:1 across
    with Image.open("odd.jpg") as picture:
        before = np.asarray(picture)
    networks = ResidualNetwork.shipped(), Restorer.load(run)
    shipped, trained = (Restoration(each, 30).restore(before, None) for each in networks)
    for options, wanted in (((), before), (("--quality", 30), shipped), ((run,), trained)):
        result = succeed("apply", *options, "odd.jpg", "-o", "out.png")
        assert "its coefficients cannot be read" in result.stderr.splitlines()[0]
        assert "no traces" not in result.stderr
        with Image.open("out.png") as out:
            assert (np.asarray(out) == wanted).all()
