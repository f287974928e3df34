"""``--hold-out``, runs that learn nothing, bits a pixel: files, messages, tables and refusals."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fit_image.apps.fit.directory import FitDirectory
from fit_image.apps.painting_network import PaintingNetwork
from shell import Shell

shell = Shell()
succeed, fail = shell.succeed, shell.fail

SMALL = ("--layers", "2x8", "--epochs", "3", "--animation", "none")
HALF = (*SMALL, "--hold-out", "0.5", "--seed", "3")
# A step that float32 loses, which is told after an epoch.
STALLED = (*SMALL, "--lr", "1e-20")


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def rows_of(path):
    with Path(path).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_run_has_a_column_of_pixels_never_shown(picture):
    result = succeed(picture, *HALF, "--json")
    rows = rows_of("pic-fit/metrics.csv")
    assert [*rows[0]] == ["epoch", "loss", "psnr", "unseen_psnr", "seconds"]
    last = float(rows[-1]["unseen_psnr"])
    assert last != float(rows[-1]["psnr"])
    assert json.loads(result.stdout)["unseen_psnr"] == last
    assert f"{last:.2f} dB of pixels never shown" in result.stderr
    assert json.loads(Path("pic-fit/run.json").read_text())["result"]["unseen_psnr"] == last
    info = succeed("info", "pic-fit")
    assert f"unseen psnr        {last:.2f} dB\n" in info.stdout
    assert json.loads(succeed("info", "pic-fit", "--json").stdout)["unseen_psnr"] == last


def test_without_it_files_are_as_they_were(picture):
    result = succeed(picture, *SMALL, "--json")
    assert "unseen_psnr" not in json.loads(result.stdout)
    assert "never shown" not in result.stderr
    assert [*rows_of("pic-fit/metrics.csv")[0]] == ["epoch", "loss", "psnr", "seconds"]
    document = json.loads(Path("pic-fit/run.json").read_text())
    for section, name in (("fit", "hold_out"), ("result", "unseen_psnr"), ("result", "stalled")):
        assert document[section].pop(name) is None
    # Runs of earlier versions lack them.
    Path("pic-fit/run.json").write_text(json.dumps(document))
    assert FitDirectory.open("pic-fit").manifest.fit.hold_out is None
    succeed(picture, "--resume", "--epochs", 4, "--animation", "none")


@pytest.mark.parametrize("way", [("--hold-out", "even"), ("--hold-out", "0.3", "--seed", "1")])
def test_a_run_goes_on_with_the_same_pixels(picture, way):
    args = ("--layers", "2x8", "--animation", "none", *way)
    succeed(picture, *args, "--epochs", 5, "-o", "whole")
    succeed(picture, *args, "--epochs", 2, "-o", "parts")
    succeed(picture, "--resume", "--epochs", 5, "-o", "parts")
    for folder in ("whole", "parts"):
        rows = rows_of(Path(folder, "metrics.csv"))
        assert len(rows) == 5
    assert [{**row, "seconds": 0} for row in rows_of("whole/metrics.csv")] == [
        {**row, "seconds": 0} for row in rows_of("parts/metrics.csv")
    ]
    bits = [PaintingNetwork.load(Path(name)).parameters.tobytes() for name in ("whole", "parts")]
    assert bits[0] == bits[1]


def test_other_pixels_are_not_gone_on_with(picture):
    succeed(picture, *HALF)
    line = fail(picture, "--resume", "--hold-out", "even")
    assert "--hold-out (was 0.5, now even)" in line
    fail(picture, "--resume", "--hold-out", "none")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--hold-out", "odd"), ("--hold-out", "even", "share", "'none'")),
        (("--hold-out", "1"), ("--hold-out", "share")),
        (("--hold-out", "0.0001"), ("--hold-out 0.0001", "all of the 24 x 16 pixels")),
        (("--target-psnr", "unseen:30"), ("--target-psnr unseen:30", "needs --hold-out")),
        (
            ("--target-psnr", "unseen:none", "--hold-out", "even"),
            ("--target-psnr", "'unseen:none' is not unseen: and a number of dB above 0"),
        ),
        (("--hold-out", "even,0.5"), ("--hold-out even,0.5", "sweep")),
        (("--caption", "{unseen_psnr}"), ("unseen_psnr",)),
    ],
)
def test_what_cannot_be_held_out_is_refused(picture, options, words):
    line = fail(picture, "--layers", "1x4", *options)
    assert all(word in line for word in words), line


def test_a_single_pixel_cannot_be_held_out():
    Image.new("RGB", (1, 1)).save("dot.png")
    assert "--hold-out even would show all" in fail("dot.png", "--hold-out", "even")
    assert "--hold-out even" in fail("sweep", "dot.png", "--hold-out", "even")


def test_a_target_and_a_caption_of_pixels_never_shown(picture):
    caption = "{psnr:.1f} {unseen_psnr:.1f}"
    args = ("--target-psnr", "unseen:5", "--caption", caption, "--animation", "animation.gif")
    result = succeed(picture, "--layers", "1x8", "--hold-out", "even", *args, "--json")
    assert json.loads(result.stdout)["ended"] == "target-psnr"
    assert Path("pic-fit/animation.gif").exists()


def test_a_caption_of_a_sweep_needs_pixels_held_out_in_all_trials(picture):
    table = Path("trials.csv")
    options = ("--from-csv", table, "--caption", "{unseen_psnr}", "--plan")
    table.write_text("layers,hold_out\n1x4,even\n2x4,0.5\n")
    succeed("sweep", picture, *options)
    table.write_text("layers,hold_out\n1x4,even\n2x4,none\n")
    assert "unseen_psnr" in fail("sweep", picture, *options)


def test_transparency_is_held_out_with_its_pixels():
    levels = np.random.default_rng(0).integers(0, 256, (9, 8, 4), dtype=np.uint8)
    Image.fromarray(levels).save("clear.png")
    succeed("clear.png", *SMALL, "--channels", "rgba", "--hold-out", "even")
    rows = rows_of("clear-fit/metrics.csv")
    assert all(float(row["unseen_psnr"]) > 0 for row in rows)


def test_bits_a_pixel_stand_beside_the_parameters(picture):
    succeed(picture, *SMALL)
    for path in ("pic-fit", "pic-fit/model.npz"):
        facts = json.loads(succeed("info", path, "--json").stdout)
        names = [*facts]
        at = names.index("parameters")
        assert names[at + 1 : at + 3] == ["bits_per_pixel_32", "bits_per_pixel_16"]
        assert facts["bits_per_pixel_32"] == round(32 * facts["parameters"] / 384, 4)


def test_a_run_that_learns_nothing_says_so_once(picture):
    result = succeed(picture, *STALLED, "--json")
    facts = json.loads(result.stdout)
    (remark,) = facts["remarks"]
    assert facts["stalled"] == remark
    assert "--lr" in remark
    assert result.stderr.count(remark) == 1
    assert json.loads(Path("pic-fit/run.json").read_text())["result"]["stalled"] == remark
    assert json.loads(succeed("info", "pic-fit", "--json").stdout)["stalled"] == remark
    again = succeed(picture, "--resume", "--epochs", 9, "--json")
    assert remark not in again.stderr
    assert json.loads(again.stdout)["stalled"] == remark


def test_a_sweep_compares_what_was_never_shown_and_says_which_trials_learned_nothing(picture):
    args = ("--layers", "2x8", "--lr", "1e-20,0.1", "--hold-out", "even,none", "--epochs", "2")
    result = succeed("sweep", picture, *args, "-j", "1", "--animation", "none", "--json")
    counts = json.loads(result.stdout)
    assert (counts["done"], counts["learned_nothing"]) == (4, 2)
    assert "1 of 1 learned nothing" in result.stderr
    assert "dB unseen" in result.stderr
    rows = rows_of("pic-sweep/results.csv")
    for row in rows:
        held_out, stalled = row["hold_out"] == "even", float(row["learning_rate"]) < 0.1
        assert bool(row["unseen_psnr"]) == bool(row["best_unseen_psnr"]) == held_out
        assert (row["status"], row["message"]) == ("done", "")
        assert ("--lr" in row["stalled"]) == stalled
        for bits in (32, 16):
            expected = round(bits * int(row["parameters"]) / 384, 4)
            assert float(row[f"bits_per_pixel_{bits}"]) == expected
    assert any(row["unseen_psnr_mean"] for row in rows_of("pic-sweep/means.csv"))
    page = Path("pic-sweep/report.html").read_text()
    assert page.count("Best on pixels never shown") == 1  # the other half has none
    assert page.count('name="pixels" value=') == 2
    assert "Unseen PSNR" in page
    assert "1 of 1 learned nothing" in page
    assert page.count('<button type="button">Learned nothing</button>') == 2 * 2
    assert page.count(f">{rows[0]['stalled']}</td>") == 2
    facts = json.loads(succeed("info", "pic-sweep", "--json").stdout)
    assert facts["best_unseen_psnr"] == max(float(row["best_unseen_psnr"] or 0) for row in rows)
    assert facts["learned_nothing"] == 2
