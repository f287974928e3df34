"""Captions, lines, loops and holds of the commands that animate, and the frame of a picture."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_animation import read_timed

from fit_image.animation.writers import AnimationReport
from fit_image.cli.common.texts import describe_animation
from kinds import KINDS
from shell import Shell

shell = Shell()
succeed, fail = shell.succeed, shell.fail

FIT = ("--layers", "1x4", "--epochs", "2")
LOOK = ("--caption", "{epoch} {seconds:.1f} s", "--progress-line", "--loop", "boomerang")
LOOK += ("--hold", "0.5", "--fps", "10")
STORED = {"caption": LOOK[1], "progress_line": True, "loop": "boomerang", "hold": 0.5, "fps": 10.0}
ADDED = ("caption", "progress_line", "loop", "hold", "max_bytes")


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def section(path, name):
    return json.loads(Path(path).read_text())[name]


def shown(path):
    """Return the size of an animation, its durations in ms and its loop count."""
    pictures, durations, loop = read_timed(Path(path))
    return pictures[0].shape[1::-1], durations, loop


def test_a_run_remembers_how_it_is_shown(picture):
    succeed(picture, *FIT, *LOOK, "--animation", "a.png")
    assert section("pic-fit/run.json", "record").items() >= STORED.items()
    (width, height), durations, loop = shown("pic-fit/a.png")
    assert (durations, loop) == ([100, 100, 500, 100], 0)
    assert width >= 24
    assert height > 16 + 11
    with Image.open("pic-fit/frames/epoch-000002.png") as frame:
        assert frame.size == (24, 16)

    # Made again, it is the same; what is given overrides.
    succeed("animate", "pic-fit", "-o", "again.png")
    assert Path("again.png").read_bytes() == Path("pic-fit/a.png").read_bytes()
    plain = ("--caption", "none", "--no-progress-line", "--loop", "forward", "--hold", 2)
    succeed("animate", "pic-fit", "-o", "plain.png", *plain, "--fps", 20)
    assert shown("plain.png") == ((24, 16), [50, 50, 2000], 0)

    # A run that goes on keeps it, and may change it; one that is like it has it, too.
    succeed(picture, "--resume", "--epochs", 3)
    assert section("pic-fit/run.json", "record").items() >= STORED.items()
    assert shown("pic-fit/a.png")[1] == [100, 100, 100, 500, 100, 100]
    succeed(picture, "--like", "pic-fit", "-o", "like", "--epochs", 1)
    assert section("like/run.json", "record").items() >= STORED.items()
    succeed(picture, "--resume", *plain[:3], "--loop", "once", "--hold", 0)
    assert section("pic-fit/run.json", "record")["caption"] is None
    assert shown("pic-fit/a.png") == ((24, 16), [100] * 4, 1)


def test_the_target_is_switched_off_again(picture):
    succeed(picture, *FIT, "--with-target", "--animation", "a.png")
    assert shown("pic-fit/a.png")[0] == (50, 16)
    succeed("animate", "pic-fit", "-o", "b.png", "--no-with-target")
    assert shown("b.png")[0] == (24, 16)


def test_runs_of_earlier_versions_are_shown_as_they_were(picture):
    succeed(picture, *FIT, "--animation", "a.png", "--hold", 0, "--loop", "once")
    document = json.loads(Path("pic-fit/run.json").read_text())
    for name in ADDED:
        del document["record"][name]
    del document["image"]["frame"]
    Path("pic-fit/run.json").write_text(json.dumps(document))
    succeed("animate", "pic-fit", "-o", "b.png")
    assert shown("b.png") == ((24, 16), [50, 50, 2000], 0)
    succeed(picture, "--resume")
    assert section("pic-fit/run.json", "record")["hold"] == 2.0


@pytest.mark.parametrize("kind", ["digits", "autoencode"])
def test_trainings_on_many_pictures_do_alike(kind):
    kind = KINDS[kind]
    Path("data").mkdir()
    data = kind.make_data(Path("data"))
    arguments = (data, *kind.options, "-o", "run")
    line = fail(*kind.command, *arguments, "--epochs", 1, "--caption", "{loss_of_all:.1f}")
    assert "--caption {loss_of_all} is not one of epoch, " in line
    kind.shell.succeed(*arguments, "--epochs", 1, *LOOK)
    document = Path("run", kind.document)
    assert section(document, "animation").items() >= STORED.items()
    made = Path("run/animation.gif").read_bytes()
    size, durations, _ = shown("run/animation.gif")
    assert durations == [100, 500]
    succeed("animate", "run", "-o", "again.gif")
    assert Path("again.gif").read_bytes() == made
    succeed("animate", "run", "-o", "bare.gif", "--caption", "none", "--no-progress-line")
    assert shown("bare.gif")[0][1] < size[1]
    kind.shell.succeed(data, "-o", "run", "--resume", "--hold", 1.5)
    assert section(document, "animation").items() >= {**STORED, "hold": 1.5}.items()
    kind.shell.succeed(data, "-o", "like", "--like", "run", *kind.options, "--epochs", 1)
    assert section(Path("like", kind.document), "animation")["caption"] == LOOK[1]

    # A document of an earlier version has nothing of this.
    earlier = json.loads(document.read_text())
    del earlier["animation"]
    document.write_text(json.dumps(earlier))
    succeed("animate", "run", "-o", "earlier.gif")
    assert sum(shown("earlier.gif")[1]) == 1050


@pytest.mark.parametrize(
    ("look", "problem"),
    [
        (("--caption", "{nope}"), "--caption {nope} is not one of epoch, loss, psnr, seconds"),
        (("--caption", "{psnr:d}"), "--caption {psnr:d} has a format that does not fit"),
        (("--caption", "{psnr.real}"), "--caption has {psnr.real}: between braces"),
        (("--caption", "{epoch:9999}"), "--caption {epoch:9999} has a format that is not"),
        (("--caption", "Ärger"), "--caption has 'Ä', which cannot be drawn"),
        (("--hold", "601"), "'--hold'"),
        (("--loop", "twice"), "'--loop'"),
    ],
)
def test_mistakes_are_found_before_training(picture, look, problem):
    for arguments in ((picture,), ("sweep", picture, "--layers", "1x4")):
        assert problem in fail(*arguments, *look)


def test_the_bar_counts_for_the_size_of_the_format():
    Image.fromarray(np.zeros((16_383, 1), np.uint8)).save("tall.png")
    line = fail("tall.png", *FIT, "--animation", "a.webp", "--progress-line")
    assert "at most 16383 pixels a side, not 1 x 16385" in line


def test_a_folder_of_frames(picture):
    succeed(picture, *FIT, "--animation", "none")
    Path("pic-fit/frames").rename("bare")
    succeed("animate", "bare", "-o", "a.png", "--caption", "epoch {epoch}", "--loop", "once")
    size, durations, loop = shown("a.png")
    assert (size[1] > 27, durations, loop) == (True, [50, 50, 1000], 1)
    line = fail("animate", "bare", "-o", "b.png", "--caption", "{psnr:.1f}")
    assert line.endswith("--caption {psnr} is not one of epoch")


def test_a_sweep(picture):
    look = ("--caption", "{psnr:.2f}", "--loop", "once", "--hold", 3, "--progress-line")
    arguments = ("--layers", "1x4", "--epochs", 2, "--animation", "a.png", "-j", 1)
    succeed("sweep", picture, *arguments, *look, "-o", "s")
    (trial,) = Path("s/trials").iterdir()
    size, durations, loop = shown(trial / "a.png")
    assert (size[1] > 27, durations, loop) == (True, [50, 50, 3000], 1)
    lined, durations, loop = shown("s/comparison.gif")
    assert (durations[-1], loop) == (3000, None)
    succeed("animate", "s", "-o", "c.gif")
    assert Path("c.gif").read_bytes() == Path("s/comparison.gif").read_bytes()
    succeed("animate", "s", "-o", "d.gif", "--no-progress-line", "--loop", "boomerang")
    size, durations, loop = shown("d.gif")
    assert (size[0], loop, len(durations)) == (lined[0], 0, 4)
    assert 0 < lined[1] - size[1] <= 10
    assert "--caption is for one run" in fail("animate", "s", "--caption", "{epoch}")


def moving(path):
    y, x = np.mgrid[0:16, 0:24]
    first, *others = (Image.fromarray((x * 9 + y * n).astype(np.uint8)) for n in (1, 5, 9))
    first.save(path, save_all=True, append_images=others)


def test_another_frame_of_a_picture_with_motion_is_learned():
    moving("a.gif")
    result = succeed("a.gif", *FIT, "--frame", 2, "--animation", "none")
    assert "only the first" not in result.stderr
    with Image.open("a.gif") as image, Image.open("a-fit/target.png") as target:
        image.seek(1)
        np.testing.assert_array_equal(np.asarray(target), np.asarray(image.convert("RGB")))
    assert section("a-fit/run.json", "image")["frame"] == 2
    succeed("a.gif", "--resume", "--epochs", 3)  # takes it from the run
    line = fail("a.gif", "--resume", "--epochs", 4, "--frame", 3)
    assert "--frame (was 2, now 3) differs" in line
    succeed("a.gif", "--like", "a-fit", "-o", "like", "--epochs", 1)
    assert section("like/run.json", "image")["frame"] == 2


def test_there_is_no_such_frame(picture):
    moving("a.gif")
    assert "a.gif: it has 3 frames, so that there is no --frame 4" in fail("a.gif", "--frame", 4)
    assert "pic.png: it has 1 frame, so that there is no --frame 2" in fail(picture, "--frame", 2)
    assert "'--frame'" in fail("a.gif", "--frame", 0)
    assert "a.gif: it has 3 frames" in fail("sweep", "a.gif", "--frame", "1,9", "--layers", "1x4")
    assert "--frame 1,2 is several values: fit-image sweep" in fail("a.gif", "--frame", "1,2")


def test_a_sweep_over_frames():
    moving("a.gif")
    result = succeed("sweep", "a.gif", "--frame", "1,3", "--layers", "1x4", "--plan", "--json")
    trials = json.loads(result.stdout)["trials"]
    assert [trial["label"] for trial in trials] == ["frame 1", "frame 3"]
    assert len({trial["key"] for trial in trials}) == 2
    assert result.stderr.count("only the first of 3 frames is read; --frame N chooses another") == 1


def test_an_animation_keeps_to_max_bytes(picture):
    succeed(picture, "--layers", "1x4", "--epochs", 50, "--max-bytes", "9 kB")
    told = succeed("animate", "pic-fit", "-o", "a.gif").stderr
    assert Path("pic-fit/animation.gif").read_bytes() == Path("a.gif").read_bytes()
    assert Path("a.gif").stat().st_size <= 9000
    assert "kB; kept to --max-bytes by " in told
    assert " of 51 frames" in told
    told = succeed("animate", "pic-fit", "-o", "a.gif", "--max-bytes", "none").stderr
    assert "kept" not in told
    assert Path("a.gif").stat().st_size > 9000
    for text in ("0", "8xB", "-1", "1e9", "kB", "0.1"):
        assert "such as 8MB" in fail("animate", "pic-fit", "--max-bytes", text)
    assert fail("animate", "pic-fit", "-o", "b.gif", "--max-bytes", 99).startswith(
        "fit-image: --max-bytes 99 is too little: "
    )


def test_large_gifs_name_the_option():
    def told(name, size, **options):
        report = AnimationReport(Path(name), 9, 20.0, 2.0, size)
        return describe_animation(report, **options)

    assert told("a.gif", 9_990_000).endswith(", 9.99 MB")
    assert "; --max-bytes 8MB makes a smaller one" in told("a.gif", 21_800_000)
    assert "max-bytes" not in told("a.png", 21_800_000) + told("a.gif", 10**8, limited=False)


def test_a_loop_that_avif_cannot_have_is_refused_before_training(picture):
    line = fail(picture, *FIT, "--animation", "a.avif", "--loop", "once")
    assert line == "fit-image: --loop once is not possible in AVIF files: give .gif, .webp or .png"
