#!/usr/bin/env python3
"""Judge generated digits by a classifier that has seen real ones only.

It learns from the 60,000 training digits of MNIST, whose IDX files lie in the folder DATA, in a few
minutes on one core, and is kept in a file. It must recognise 99 % of the 10,000 test digits.
"""

from __future__ import annotations

import json
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt

from fit_image.apps.digits.model import DigitModel
from fit_image.datasets.labelled import LabelledPictures, load_labelled
from fit_image.errors import FitImageError, InputError
from fit_image.images.crops import centre_crop
from fit_image.images.io import to_float
from fit_image.storage.atomic import check_destination
from judging.classifier import CLASSES, EPOCHS, SIDE, Classifier

LEAST = 0.99  # share of the test digits that a judge recognises
Judged = tuple[npt.NDArray[Any], npt.NDArray[Any]]  # pictures and labels
Confusion = npt.NDArray[np.int64]  # pictures by what they should show (row) and what was seen


def judge(classifier: Classifier, pictures: npt.NDArray[Any], labels: Any) -> Confusion:
    """Let a classifier say what pictures show."""
    confusion = np.zeros((CLASSES, CLASSES), dtype=np.int64)
    np.add.at(confusion, (labels, classifier.classify(to_float(pictures))), 1)
    return confusion


def shares(confusion: Confusion) -> tuple[float, dict[int, float]]:
    """Return which share was recognised, of all pictures and of each class that there is."""
    right, counts = confusion.diagonal(), confusion.sum(axis=1)
    seen = np.flatnonzero(counts).tolist()
    by_class = {digit: float(right[digit] / counts[digit]) for digit in seen}
    return float(right.sum() / counts.sum()), by_class


def load_digits(folder: Path, part: str) -> LabelledPictures:
    """Read a part of MNIST, whose classes must be the ten digits."""
    digits = load_labelled(folder, part=part)
    if digits.class_names != tuple(map(str, range(CLASSES))):
        raise InputError(f"{folder} has other classes than the digits 0 to 9")
    if min(digits.pictures.shape[1:3]) < SIDE:
        raise InputError(f"{folder} has pictures of less than {SIDE} x {SIDE} pixels")
    return digits


def make_classifier(data: Path, path: Path, threads: int | None) -> tuple[Classifier, float]:
    """Load the classifier, or train and keep it; return it and its share of the test digits."""
    classifier, known, test = Classifier(threads), path.exists(), load_digits(data, "t10k")
    if known:
        classifier.load(path)
    else:
        check_destination(path)
        digits, began = load_digits(data, "train"), time.perf_counter()
        for epoch, loss in enumerate(classifier.train(digits), 1):
            seconds = time.perf_counter() - began
            click.echo(f"epoch {epoch} of {EPOCHS}: loss {loss:.4f}, {seconds:.0f} s", err=True)
    accuracy, _ = shares(judge(classifier, centre_crop(test.pictures, SIDE), test.labels))
    if accuracy < LEAST:
        found = f"{path} recognises" if known else "the trained classifier recognises"
        raise FitImageError(f"{found} only {accuracy:.2%} of the test digits, not {LEAST:.0%}")
    if not known:
        classifier.save(path)
    return classifier, accuracy


def read_pictures(path: Path) -> Judged:
    """Read the arrays ``pictures``, uint8 or floats of 0 to 1, and ``labels`` of an npz file."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            pictures, labels = arrays["pictures"], arrays["labels"]
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is no npz file of pictures and labels: {error}") from error
    shades = pictures.dtype == np.uint8 or ((pictures >= 0) & (pictures <= 1)).all()  # nor is NaN
    if pictures.shape != (len(labels), SIDE, SIDE, 1) or not (len(labels) and shades):
        raise InputError(f"{path}: pictures must be (n, {SIDE}, {SIDE}, 1), uint8 or 0 to 1")
    if labels.dtype.kind not in "iu" or not np.isin(labels, range(CLASSES)).all():
        raise InputError(f"{path}: labels must be 0 to {CLASSES - 1}")
    return pictures, labels


def draw_pictures(path: Path | None, each: int, spread: float) -> Judged:
    """Draw pictures of every class from a trained generator; without a path, the shipped one."""
    model, labels = DigitModel.load(path), np.repeat(np.arange(CLASSES), each)
    latents = model.sample(labels, np.random.default_rng(0), spread)
    return np.stack([model.draw(latent, SIDE, SIDE) for latent in latents]), labels


def print_verdict(confusion: Confusion) -> None:
    """Print a table of the classes, each with what it was most often taken for."""
    accuracy, by_class = shares(confusion)
    print("class  pictures  recognised  most frequent mistake")
    for digit, share in by_class.items():
        wrong = confusion[digit].copy()
        wrong[digit] = 0
        taken = f"{wrong.argmax()}, {wrong.max():,} x" if wrong.any() else "none"
        print(f"{digit:5}  {confusion[digit].sum():8,}  {share:10.1%}  {taken}")
    print(f"  all  {confusion.sum():8,}  {accuracy:10.1%}")


@click.command(help=__doc__)
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--classifier", "path", type=click.Path(path_type=Path), default=Path("judge.npz"),
              metavar="FILE", help="The classifier's file, made when absent.",
              show_default=True)  # fmt: skip
@click.option("--model", metavar="RUN", help="Folder or model file of a trained generator, or "
              "'shipped'; 100 digits a class.")  # fmt: skip
@click.option("--spread", type=float, default=0.7, show_default=True, help="Of the digits drawn.")
@click.option("--pictures", type=click.Path(path_type=Path), metavar="FILE", help="Npz file: "
              f"pictures (n, {SIDE}, {SIDE}, 1), ink bright, and labels (n,).")  # fmt: skip
@click.option("--threads", type=click.IntRange(1), help="Default: all cores.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(
    data: Path,
    path: Path,
    model: str | None,
    spread: float,
    pictures: Path | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """Make or load the classifier, and judge."""
    if model and pictures:
        raise click.UsageError("--model and --pictures exclude each other")
    # First, so that no one waits for the training to learn that they cannot be judged.
    judged = read_pictures(pictures) if pictures else None
    if model:
        judged = draw_pictures(None if model == "shipped" else Path(model), 100, spread)
    classifier, accuracy = make_classifier(data, path, threads)
    confusion = judge(classifier, *judged) if judged else None
    if as_json:
        found: dict[str, Any] = {"test_accuracy": accuracy}
        if confusion is not None:
            overall, by_class = shares(confusion)
            found |= {"accuracy": overall, "by_class": by_class, "confusion": confusion.tolist()}
        print(json.dumps(found))
        return
    print(f"The judge recognises {accuracy:.2%} of the real test digits.")
    if confusion is not None:
        print_verdict(confusion)


if __name__ == "__main__":
    try:
        main()
    except FitImageError as error:
        sys.exit(f"error: {error}")
