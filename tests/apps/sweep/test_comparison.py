from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image, ImageFont

from fit_image.apps.fit.directory import FitDirectory
from fit_image.apps.fit.manifest import FitManifest, Picture
from fit_image.apps.fit.metrics import FitMetrics
from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
from fit_image.apps.sweep.plan.trial import Trial
from fit_image.apps.sweep.results.comparison import MAX_GROUPS, write_comparison
from fit_image.apps.sweep.results.contact_sheet import ContactSheet, wrap_label
from fit_image.apps.sweep.results.outcome import read_outcome
from fit_image.config.fit import FitConfig, ImageConfig, RecordConfig
from fit_image.errors import FitImageError
from fit_image.images.io import save_image

SIZE = (40, 30)
TARGET = (200, 180, 160)
RED, GREEN, BLUE, BLACK = (220, 0, 0), (0, 180, 0), (0, 0, 220), (0, 0, 0)


def flat(colour, size=SIZE):
    return np.full((size[1], size[0], len(colour)), colour, np.uint8)


class Maker:
    """Makes a sweep of runs whose frames are single colours."""

    def __init__(self, path):
        self.folder = SweepDirectory(path)

    def add(
        self, layers, frames, *, seconds=None, psnr=None, seed=0, picture="a", size=SIZE, image=None
    ):
        """Add a trial; ``frames`` are colours by epoch, None for an epoch without frame."""
        shown = Picture(f"/p/{picture}.png", f"sha of {picture}", *size)
        fit = FitConfig(layers=layers, epochs=9, seed=seed)
        trial = Trial(FitManifest(shown, fit, image or ImageConfig(), RecordConfig()))
        self.folder = self.folder.extended([trial])
        run = FitDirectory(self.folder.run_path(trial), trial.manifest)
        run.create()
        save_image(run.target, flat(TARGET if picture == "a" else RED, size))
        for epoch, colour in frames.items():
            if colour:
                run.write_frame(epoch, flat(colour, size))
            if epoch:
                value = None if not colour else (psnr or {}).get(epoch, 20.0)
                run.metrics.append(FitMetrics(epoch, 0.1, value, (seconds or {}).get(epoch, epoch)))
        return trial

    def write(self, **options):
        outcomes = [read_outcome(self.folder, trial) for trial in self.folder.trials]
        return write_comparison(self.folder, outcomes, **options)

    def film(self, **options):
        """Return the pictures shown, as arrays, and the report."""
        report = self.write(**options)
        shown = []
        with Image.open(report.path) as image:
            # Equal neighbours share a frame, with the time of both.
            tick = round(1000 / report.fps)
            for index in range(image.n_frames):
                image.seek(index)
                shown += [np.asarray(image.convert("RGB"))] * (image.info["duration"] // tick)
        return shown[: report.frames], report


@pytest.fixture
def maker(tmp_path):
    return Maker(tmp_path)


def tiles(picture, labels, aspect=SIZE[0] / SIZE[1]):
    """Return the middle colour of each tile of a sweep of one picture."""
    sheet = ContactSheet([aspect], [["target", *labels]])
    assert picture.shape == (sheet.height, sheet.width, 3)
    colours = []
    for number in range(len(labels) + 1):
        left, top = sheet.position(0, number)
        colours.append(tuple(picture[top + 50, left + 50].astype(int)))
    return colours


def near(found, expected):
    return np.abs(np.subtract(found, expected)).max() <= 12


def test_trials_learn_in_step_by_epochs_next_to_the_target(maker):
    maker.add("1x5", {0: BLACK, 1: RED, 2: GREEN, 3: BLUE, 4: RED})
    maker.add("2x5", {0: BLACK, 1: BLUE, 2: BLUE}, seconds={1: 50, 2: 90})
    shown, report = maker.film()
    assert report.path == maker.folder.comparison
    assert report.frames == len(shown) == 5
    expected = [(BLACK, BLACK), (RED, BLUE), (GREEN, BLUE), (BLUE, BLUE), (RED, BLUE)]
    for picture, colours in zip(shown, expected, strict=True):
        assert near(tiles(picture, ["1x5", "2x5"]), [TARGET, *colours])


def test_trials_learn_in_step_by_seconds(maker):
    maker.add("1x5", {0: BLACK, 1: RED, 2: GREEN}, seconds={1: 1.0, 2: 2.0})
    maker.add("2x5", {0: BLACK, 1: BLUE}, seconds={1: 8.0})
    shown, report = maker.film(by="seconds")
    assert report.frames == 40
    for moment, expected in (
        (0.5, (BLACK, BLACK)),
        (1.5, (RED, BLACK)),
        (2.5, (GREEN, BLACK)),
        (7.5, (GREEN, BLACK)),
        (8.0, (GREEN, BLUE)),
    ):
        picture = shown[round(moment / 8 * 39)]
        assert near(tiles(picture, ["1x5", "2x5"]), [TARGET, *expected])


def test_frames_that_are_missing_leave_the_one_before(maker):
    trial = maker.add("1x5", {0: BLACK, 1: RED, 2: None, 3: GREEN, 4: BLUE})
    (maker.folder.run_path(trial) / "frames" / "epoch-000003.png").unlink()
    maker.add("2x5", {1: RED, 2: None, 3: None, 4: None})
    shown, _ = maker.film()
    first = [tiles(picture, ["1x5", "2x5"])[1] for picture in shown]
    assert near(first, [BLACK, RED, RED, RED, BLUE])
    second = [tiles(picture, ["1x5", "2x5"])[2] for picture in shown]
    assert min(second[0]) > 200  # nothing yet
    assert near(second[1:], [RED] * 4)


def test_many_epochs_take_as_many_steps_as_are_seen(maker):
    maker.add("1x5", {0: BLACK, 500: RED, 1000: GREEN})
    shown, report = maker.film()
    assert report.frames == 40
    assert 4 <= report.seconds <= 8
    assert near([tiles(shown[index], ["1x5"])[1] for index in (19, 20, 39)], [BLACK, RED, GREEN])


def test_a_group_is_shown_by_its_lowest_seed_with_frames(maker):
    maker.add("1x5", {0: GREEN, 1: GREEN}, seed=2)
    maker.add("1x5", {0: RED, 1: RED}, seed=1)
    maker.add("1x5", {}, seed=0)
    shown, _ = maker.film()
    assert near(tiles(shown[-1], ["1x5"]), [TARGET, RED])


def test_each_picture_has_its_rows_and_its_target(maker):
    wide = (60, 20)
    for layers, colour in (("1x5", GREEN), ("2x5", BLUE)):
        maker.add(layers, {0: BLACK, 1: colour})
        maker.add(layers, {0: BLACK, 1: colour}, picture="b", size=wide)
    shown, _ = maker.film()
    labels = [["target", f"{name}, 1x5", f"{name}, 2x5"] for name in "ab"]
    sheet = ContactSheet([SIZE[0] / SIZE[1], 3], labels)
    assert shown[-1].shape == (sheet.height, sheet.width, 3)
    for section, expected in enumerate([(TARGET, GREEN, BLUE), (RED, GREEN, BLUE)]):
        for number, colour in enumerate(expected):
            left, top = sheet.position(section, number)
            height = (
                (sheet.position(1, 0)[1] - sheet.position(0, 0)[1]) // 2 if section == 0 else 50
            )
            assert near(shown[-1][top + 5, left + 5], colour)
            assert near(shown[-1][top + height, left + 50], colour)


def test_a_picture_prepared_otherwise_is_another_target(maker):
    maker.add("1x5", {0: BLACK, 1: GREEN})
    maker.add("1x5", {0: BLACK, 1: BLUE}, image=ImageConfig(max_pixels=300), size=(20, 15))
    shown, _ = maker.film()
    labels = [["target", "1x5, max pixels none"], ["target", "1x5, max pixels 300"]]
    sheet = ContactSheet([SIZE[0] / SIZE[1]] * 2, labels)
    assert shown[-1].shape == (sheet.height, sheet.width, 3)


def test_transparent_frames_show_the_background(maker):
    image = ImageConfig(background="#00dc00", channels="rgba")
    maker.add("1x5", {0: (0, 0, 0, 0), 1: (255, 0, 0, 0)}, image=image)
    shown, _ = maker.film()
    assert near(tiles(shown[-1], ["1x5"]), [TARGET, (0, 220, 0)])


def test_of_many_trials_the_best_are_shown(maker):
    for width, (colour, psnr) in enumerate([(RED, 30), (GREEN, 10), (BLUE, 20)], start=1):
        maker.add(f"1x{width}", {0: BLACK, 1: colour}, psnr={1: psnr})
    shown, _ = maker.film(max_groups=2)
    assert near(tiles(shown[-1], ["1x1", "1x3"]), [TARGET, RED, BLUE])
    assert MAX_GROUPS == 24


def captions(monkeypatch):
    """Return a list that fills with what is written above and below the tiles."""
    written = []
    monkeypatch.setattr(
        ContactSheet, "write_heading", lambda self, draw, text: written.append(text)
    )
    monkeypatch.setattr(
        ContactSheet,
        "write_caption",
        lambda self, draw, section, number, text: written.append(text),
    )
    return written


@pytest.mark.parametrize(
    ("by", "headings"), [("epochs", {"epoch 0", "epoch 1"}), ("seconds", {"0.00 s", "2.50 s"})]
)
def test_captions_tell_the_moment_and_the_psnr(maker, monkeypatch, by, headings):
    written = captions(monkeypatch)
    maker.add("1x5", {0: BLACK, 1: RED}, psnr={1: 21.237}, seconds={1: 2.5})
    maker.add("2x5", {0: BLACK, 1: RED}, psnr={1: math.inf}, seconds={1: 2.5})
    maker.write(by=by)
    assert {*headings, "21.24 dB", "exact", ""} <= set(written)


def test_captions_tell_of_divergence_and_of_what_is_left_out(maker, monkeypatch):
    written = captions(monkeypatch)
    trial = maker.add("1x5", {0: BLACK, 1: RED})
    maker.add("2x5", {0: BLACK})
    maker.folder.failures[trial.key] = "no memory"
    maker.write(max_groups=1)
    assert {"epoch 1, the best 1 of 2", "20.00 dB, failed"} <= set(written)


def test_without_frames_nothing_is_written(maker):
    maker.add("1x5", {})
    assert maker.write() is None
    assert not maker.folder.comparison.exists()


def test_untrained_networks_alone_are_a_still_picture(maker):
    maker.add("1x5", {0: RED})
    maker.add("2x5", {0: GREEN})
    for by in ("epochs", "seconds"):
        shown, report = maker.film(by=by)
        assert report.frames == 1
        assert near(tiles(shown[0], ["1x5", "2x5"]), [TARGET, RED, GREEN])


def test_progress_is_told(maker):
    maker.add("1x5", {0: BLACK, 1: RED})
    calls = []
    maker.write(on_frame=lambda *numbers: calls.append(numbers))
    assert calls == [(1, 2), (2, 2)]


def test_a_damaged_frame_is_named_and_the_old_file_stays(maker):
    trial = maker.add("1x5", {0: BLACK, 1: RED})
    maker.write()
    before = maker.folder.comparison.read_bytes()
    frame = maker.folder.run_path(trial) / "frames" / "epoch-000001.png"
    frame.write_bytes(b"no picture")
    with pytest.raises(FitImageError, match=r"epoch-000001\.png: damaged, or not a picture"):
        maker.write()
    assert maker.folder.comparison.read_bytes() == before


def test_steps_are_of_epochs_or_seconds(maker):
    with pytest.raises(ValueError, match="'steps'"):
        maker.write(by="steps")


@pytest.mark.parametrize("count", [1, 2, 3, 7, 14, 25])
@pytest.mark.parametrize("aspect", [0.01, 0.7, 1.5, 40])
def test_tiles_keep_apart_and_within_the_sheet(count, aspect):
    sheet = ContactSheet([aspect, 1.5], [["a label", "x, " * 30, *"z" * count]] * 2)
    assert sheet.width <= 1000
    places = [sheet.position(section, number) for section in (0, 1) for number in range(count + 2)]
    tile = sheet.scaled(flat(RED), 0)
    for left, top in places[: count + 2]:
        assert left + tile.width <= sheet.width
        assert top + tile.height < sheet.position(1, 0)[1]
    assert len(set(places)) == len(places)
    assert sheet.position(1, count + 1)[1] + sheet.scaled(flat(RED), 1).height < sheet.height


def test_small_pictures_are_shown_as_squares():
    checks = np.zeros((2, 2, 3), np.uint8)
    checks[0, 0] = checks[1, 1] = 255
    sheet = ContactSheet([1], [["target", "1x5"]])
    assert np.unique(np.asarray(sheet.scaled(checks, 0))).tolist() == [0, 255]


def test_labels_break_at_commas_and_are_shortened():
    font = ImageFont.load_default(14)
    width = int(font.getlength("4x300, lr 0.05, bat"))
    assert wrap_label("4x300", font, width) == ["4x300"]
    assert wrap_label("4x300, lr 0.05, batch size 1", font, width) == [
        "4x300, lr 0.05,",
        "batch size 1",
    ]
    first, second = wrap_label("1x9, 2x8, 3x7, 4x6, 5x5, 6x4, 7x3, 8x2", font, width)
    assert first.endswith(",")
    assert second.endswith("…")
    assert max(map(font.getlength, (first, second))) <= width
