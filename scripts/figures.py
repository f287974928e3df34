#!/usr/bin/env python3
"""Make the pictures of the README and of examples/ with the tool itself, a command each.

Trainings of the portrait stay in a work folder and are not repeated. Nothing else should run on
the machine meanwhile: some pictures tell seconds.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import click
import numpy as np
from PIL import Image

from command_line import run_command
from drawing.browser import photograph, photograph_training
from drawing.codes import Comparison, draw_codes
from drawing.equal_parameters import draw_equal
from drawing.frequencies import write_frequencies
from drawing.gallery import Cell, draw_gallery, draw_sheet
from drawing.restored import draw_restored
from drawing.terminal import draw_watched
from drawing.unseen import draw_unseen
from fit_image import load_image, save_image, to_uint8
from fit_image.apps.autoencode.train_test_split import load_split
from fit_image.apps.digits.model import DigitModel
from fit_image.apps.fit.metrics import FitMetrics
from fit_image.runs.metrics import MetricsFile

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
PORTRAIT = EXAMPLES / "portrait.png"

_path = click.Path(path_type=Path)
_work = click.option("--work", type=_path, default=Path("readme-work"), show_default=True)


def fit_image(*args: object) -> None:
    """Run a command of the tool."""
    subprocess.run([sys.executable, "-m", "fit_image", *map(str, args)], check=True)


@click.group(help=__doc__)
def cli() -> None:
    """Group the commands."""


COMPARED = ("1x30", "1x1000", "2x64", "4x100", "4x300")
EPOCHS = (1, 5, 20, 100)
HERO, HERO_EPOCHS = "4x300", 300


def train(work: Path, layers: str) -> Path:
    """Return the folder of a finished run of the portrait."""
    folder = work / f"p-{layers}"
    epochs = HERO_EPOCHS if layers == HERO else max(EPOCHS)
    fit_image(PORTRAIT, "--layers", layers, "--epochs", epochs, "-o", folder, "--resume")
    return folder


@cli.command()
@_work
def learning(work: Path) -> None:
    """Animate a network that learns the portrait."""
    options = ("--with-target", "--pace", "visible", "--fps", 12)
    fit_image("animate", train(work, HERO), "-o", EXAMPLES / "learning.gif", *options)


@cli.command()
@_work
def beyond(work: Path) -> None:
    """Draw what a network imagines around the portrait."""
    options = ("--region", "-0.5,-0.5,1.5,1.5", "--size", "300x429")
    fit_image("render", train(work, HERO), *options, "-o", EXAMPLES / "beyond.png")


@cli.command()
@_work
def terminal(work: Path) -> None:
    """Draw a training in the terminal."""
    training = "--layers 4x100 --epochs 100", train(work, "4x100"), max(EPOCHS)
    draw_watched(PORTRAIT, *training, 60).save(EXAMPLES / "terminal.png", optimize=True)


@cli.command()
@_work
def choosing(work: Path) -> None:
    """Put networks in columns and epochs in rows."""
    folders = [train(work, layers) for layers in COMPARED]
    epochs = ",".join(map(str, EPOCHS))
    fit_image("sheet", *folders, "--epochs", epochs, "-o", EXAMPLES / "choosing.png")


@cli.command()
@_work
def units(work: Path) -> None:
    """Draw what the units of three layers draw."""
    fit_image("units", train(work, "3x16"), "--size", "1080x380", "-o", EXAMPLES / "units.png")


_NARROW = ("--layers", "3x128", "--optimizer", "adam", "--batch-size", 128)
SPECTRA = {
    "relu: x and y as they are": (*_NARROW, "--activation", "relu"),
    "fourier: relu, and 128 waves of scale 10": (
        *(*_NARROW, "--activation", "relu"),
        *("--encoding", "fourier:128@10"),
    ),
    "sine: sin(30 s), from x and y": (*_NARROW, "--activation", "sine"),
    "grid: tables, and 64 units": ("--preset", "instant"),
}
SPECTRA_EPOCHS = 30


@cli.command()
@_work
def frequencies(work: Path) -> None:
    """Draw which octaves four networks learn when, with chromium."""
    runs = {}
    for title, options in SPECTRA.items():
        runs[title] = work / f"spectrum-{title.partition(':')[0]}"
        recording = ("--animation", "none", "--spectrum", "--resume", "-q", "--max-pixels", 40_000)
        words = (*options, "--epochs", SPECTRA_EPOCHS, *recording, "-o", runs[title])
        fit_image(PORTRAIT, *words)
    with tempfile.TemporaryDirectory() as folder:
        page, shot = Path(folder, "page.html"), Path(folder, "shot.png")
        write_frequencies(runs, page)
        photograph(page, shot, 1000, 650)
        picture = Image.open(shot).convert("RGB").quantize(64)
        picture.save(EXAMPLES / "frequencies.png", optimize=True)


@cli.command()
@click.option("--work", type=_path, default=Path("gallery-work"), show_default=True)
def gallery(work: Path) -> None:
    """Train each component for the same seconds; about six minutes."""
    draw_gallery(PORTRAIT, work).save(EXAMPLES / "gallery.png", optimize=True)


EXPRESSIONS = ("sin(4*s)/(1+abs(s))", "max(s,-s/3)*cos(2*s)", "tanh(s)+exp(-(3*s)**2)")


@cli.command()
def expressions() -> None:
    """Draw random networks with expressions as activations."""
    cells: list[Cell] = []
    with tempfile.TemporaryDirectory() as folder:
        for text in EXPRESSIONS:
            file = Path(folder, f"{len(cells)}.png")
            options = ("--activation", f"expr: {text}", "--layers", "3x24", "--stddev", 0.5)
            fit_image("dream", *options, "--size", "340x340", "-o", file)
            cells.append((Image.open(file).convert("RGB"), text))
    sheet = draw_sheet({"fit-image dream --activation 'expr: ...'": cells}, len(cells))
    sheet.quantize(255).save(EXAMPLES / "expressions.png", optimize=True)


STALLED = ("--activation", "sigmoid", "--optimizer", "adam", "--batch-size", 1024, "--epochs", 20)


@cli.command()
@_work
def stalled(work: Path) -> None:
    """Show a run of the portrait that learns nothing, and what fewer layers make of it."""
    cells: list[Cell] = []
    for layers in ("12x64", "3x64"):
        run = work / f"stalled-{layers}"
        options = ("--layers", layers, *STALLED, "--animation", "none")
        fit_image(PORTRAIT, *options, "-o", run, "--resume")
        row = MetricsFile(run / "metrics.csv", FitMetrics).read()[-1]
        cells.append((Image.open(run / "final.png"), f"--layers {layers}\n{row.psnr:.2f} dB"))
    cells.append((Image.open(PORTRAIT), "the picture"))
    title = f"fit-image portrait.png {' '.join(map(str, STALLED))}"
    sheet = draw_sheet({title: cells}, 3).quantize(256)
    sheet.save(EXAMPLES / "stalled.png", optimize=True)


@cli.command()
@click.argument("picture", type=_path)
@_work
@click.option("--corner", type=(int, int), default=(400, 60), show_default=True)
def unseen(picture: Path, work: Path, corner: tuple[int, int]) -> None:
    """Learn a picture from a quarter of its pixels; print a table. For kodim15 of Kodak's set."""
    sheet, lines = draw_unseen(picture, work, corner)
    sheet.quantize(256).save(EXAMPLES / "unseen.png", optimize=True)
    click.echo("\n".join(lines))


@cli.command()
@_work
def equal(work: Path) -> None:
    """Learn the portrait by networks of several kinds with equally many parameters."""
    sheet = draw_equal(PORTRAIT, work).quantize(256)
    sheet.save(EXAMPLES / "equal-parameters.png", optimize=True)


@cli.command()
def dream() -> None:
    """Draw a random network with ever larger weights."""
    options = ("--stddev", "0.30,0.45,0.60", "--color", "grey", "--seed", 2, "--size", "1080x360")
    fit_image("dream", *options, "-o", EXAMPLES / "dream.png")


@cli.command()
def digits() -> None:
    """Draw ten digits of each class by the shipped model."""
    fit_image("digits", "grid", "--seed", 0, "--size", "1080x1080", "-o", EXAMPLES / "digits.png")


@cli.command()
def report() -> None:
    """Run the example of deep and shallow networks, and photograph its page with chromium."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([EXAMPLES / "deep_vs_shallow.sh"], cwd=folder, check=True)
        page = Path(folder, "deep-vs-shallow", "report.html")
        photograph(page, EXAMPLES / "report.png", 1120, 1330)


@cli.command("find-lr")
def find_lr() -> None:
    """Draw the losses at rising learning rates, of a network of sines and the portrait."""
    network = ("--layers", "3x128", "--activation", "sine", "--optimizer", "adam")
    fit_image(PORTRAIT, *network, "--find-lr", "--plot", EXAMPLES / "find-lr.png")


@cli.command()
def halving() -> None:
    """Run a sweep with successive halving, and photograph its page with chromium."""
    layers = [each for depth in (1, 2, 3) for each in ("--layers", f"{depth}x16")]
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "sweep")
        options = ["--lr", "0.01,0.1,0.3", "--epochs", 90, "--max-pixels", 1_500, "--halving", 3]
        fit_image("sweep", PORTRAIT, *layers, *options, "--animation", "none", "-o", output)
        photograph(output / "report.html", EXAMPLES / "halving.png", 1120, 1330)


@cli.command()
@_work
def exported(work: Path) -> None:
    """Photograph exported pages with chromium: the portrait of a grid, and a digit."""
    run, shots = work / "p-instant", []
    fit_image(PORTRAIT, "--preset", "instant", "-o", run, "--resume")
    with tempfile.TemporaryDirectory() as folder:
        pages = [Path(folder, name) for name in ("portrait.html", "seven.html")]
        fit_image("export", run, "-o", pages[0])
        fit_image("digits", "draw", "--label", 7, "--seed", 3, "-o", pages[1])
        for path, width in zip(pages, (460, 660), strict=True):
            shots.append(path.with_suffix(".png"))
            photograph(path, shots[-1], width, 520)
        both = np.concatenate([np.asarray(Image.open(each).convert("RGB")) for each in shots], 1)
    Image.fromarray(both).quantize(255).save(EXAMPLES / "exported.png", optimize=True)


@cli.command()
@click.option("--seconds", type=float, default=25.0, show_default=True, help="Of the training.")
def page(seconds: float) -> None:
    """Photograph the page of a training of the portrait with chromium and its driver."""
    options = ("--layers", "4x100", "--activation", "sine", "--optimizer", "adam", "--epochs", 60)
    with tempfile.TemporaryDirectory() as folder:
        words = [PORTRAIT, *options, "--animation", "none", "-o", Path(folder, "run"), "--serve"]
        shot = photograph_training([*map(str, words)], seconds, (1120, 1710))
    shot.quantize(256).save(EXAMPLES / "page.png", optimize=True)


SIDE, CODES = 28, (4, 16)


@cli.command()
@click.option("--pictures", type=int, default=2000, show_default=True)
@click.option("--epochs", type=int, default=15, show_default=True)
@click.option("--threads", type=int)
def codes(pictures: int, epochs: int, threads: int | None) -> None:
    """Redraw digits of the shipped model from codes of a few numbers."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "digits.npz")
        _save_digits(data, pictures)
        comparison = Comparison(load_split(data, None, 0), CODES, threads)
    _, *outcomes = comparison.compare(comparison.both_presets(), epochs, 0)
    draw_codes(comparison, outcomes).convert("L").save(EXAMPLES / "codes.png", optimize=True)


def _save_digits(path: Path, count: int) -> None:
    model, rng = DigitModel.load(), np.random.default_rng(0)
    labels = np.arange(count) % len(model.class_names)
    latents = model.sample(labels, rng, spread=1.0)
    pictures = [to_uint8(model.draw(each, SIDE, SIDE, threads=1))[..., 0] for each in latents]
    np.savez_compressed(path, images=np.stack(pictures), labels=labels)


@cli.command()
@click.argument("picture", type=_path)
@click.option("--part", metavar="X,Y,W,H", help="In pixels; default: where the network gains most.")
@click.option("--quality", type=int, default=85, show_default=True)
@click.option("--model", type=_path, metavar="RUN", help="Default: the shipped one.")
@click.option("-o", "--output", type=_path, default=EXAMPLES / "restored.png")
def restored(
    picture: Path, part: str | None, quality: int, model: Path | None, output: Path
) -> None:
    """Show what JPEG does to a part of a clean picture, and what a network makes of it."""
    box = tuple(map(int, part.split(","))) if part else None
    save_image(output, draw_restored(load_image(picture), quality, model, box))


@cli.command("compare-codes")
@click.argument("data", type=_path)
@click.option("-o", "--output", type=_path, default=Path("codes.png"), show_default=True)
@click.option("--test", type=_path, metavar="DATA", help="Pictures held out.")
@click.option("--codes", type=int, multiple=True, default=(4, 128, 512, 1024), show_default=True)
@click.option("--filters", type=int, default=8, show_default=True)
@click.option("--epochs", type=int, default=100, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--threads", type=int)
def compare_codes(
    data: Path,
    output: Path,
    test: Path | None,
    codes: tuple[int, ...],
    filters: int,
    epochs: int,
    seed: int,
    threads: int | None,
) -> None:
    """Compare auto-encoders of several kinds and sizes, each with PCA below it."""
    comparison = Comparison(load_split(data, test, seed), codes, threads)
    outcomes = comparison.compare(comparison.all_kinds(filters), epochs, seed)
    save_image(output, draw_codes(comparison, outcomes))


if __name__ == "__main__":
    run_command(cli)
