#!/usr/bin/env python3
"""Judge generated digits by a classifier that has seen real ones only.

The classifier learns from the 60,000 training digits of MNIST, on this project's own layers; on one
core it takes a few minutes. It is kept in a file, and judges at once the next time. It must
recognise 99 % of the 10,000 test digits, or it judges nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_image.apps.digits.model import DigitModel
from fit_image.atomic import check_destination
from fit_image.crops import centre_crop
from fit_image.errors import FitImageError, InputError, os_error_reason
from fit_image.labelled import LabelledPictures, load_labelled
from judging.classifier import CLASSES, EPOCHS, SIDE, Classifier
from judging.verdict import Verdict, check, judge

LEAST = 0.99
"""Share of the test digits that a judge recognises."""


def load_digits(folder: Path, part: str) -> LabelledPictures:
    """Read a part of MNIST, whose classes must be the ten digits."""
    digits = load_labelled(folder, part=part)
    if min(digits.pictures.shape[1:3]) < SIDE:
        raise InputError(f"{folder} has pictures below {SIDE} x {SIDE} pixels")
    if digits.names != tuple(map(str, range(CLASSES))):
        raise InputError(f"{folder} has other classes than the digits 0 to 9")
    return digits


def make_classifier(data: Path, path: Path, threads: int | None) -> tuple[Classifier, float]:
    """Load the classifier, or train and keep it; return it and its share of the test digits."""
    classifier = Classifier(threads)
    known = path.exists()
    test = load_digits(data, "t10k")
    if known:
        classifier.load(path)
    else:
        check_destination(path)
        digits, began = load_digits(data, "train"), time.perf_counter()
        for epoch, loss in enumerate(classifier.train(digits), 1):
            seconds = time.perf_counter() - began
            report(f"epoch {epoch} of {EPOCHS}: loss {loss:.4f}, {seconds:.0f} s")
    accuracy = judge(classifier, centre_crop(test.pictures, SIDE), test.labels).accuracy
    if accuracy < LEAST:
        found = f"{path} recognises" if known else "the trained classifier recognises"
        raise FitImageError(f"{found} only {accuracy:.2%} of the test digits, not {LEAST:.0%}")
    if not known:
        classifier.save(path)
    return classifier, accuracy


def report(line: str) -> None:
    """Print what is not a result."""
    print(line, file=sys.stderr, flush=True)


def read_pictures(path: Path) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Read the arrays ``pictures`` and ``labels`` of an npz file."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            pictures, labels = arrays["pictures"], arrays["labels"]
    except OSError as error:
        raise InputError(f"cannot read {path}: {os_error_reason(error)}") from error
    except (EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path} is no npz file of pictures and labels") from error
    check(pictures, labels)
    return pictures, labels


def draw_pictures(
    path: Path | None, each: int, spread: float
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Draw pictures of every class from a trained generator; without a path, the shipped one."""
    model = DigitModel.load(path)
    labels = np.repeat(np.arange(CLASSES), each)
    latents = model.sample(labels, np.random.default_rng(0), spread)
    drawn = np.stack([model.draw(latent, SIDE, SIDE) for latent in latents])
    return drawn, labels


def print_verdict(verdict: Verdict) -> None:
    """Print a table of the classes."""
    print("class  pictures  recognised  most frequent mistake")
    for digit, share in verdict.by_class.items():
        count = verdict.confusion[digit].sum()
        mistake = verdict.mistake(digit)
        taken = f"{mistake[0]}, {mistake[1]:,} x" if mistake else "none"
        print(f"{digit:5}  {count:8,}  {share:10.1%}  {taken}")
    print(f"  all  {verdict.confusion.sum():8,}  {verdict.accuracy:10.1%}")


def to_json(accuracy: float, verdict: Verdict | None) -> str:
    """Return the findings as one JSON object."""
    found: dict[str, Any] = {"test_accuracy": accuracy}
    if verdict:
        found["accuracy"] = verdict.accuracy
        found["by_class"] = verdict.by_class
        found["confusion"] = verdict.confusion.tolist()
    return json.dumps(found)


def main() -> None:
    """Make or load the classifier, and judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, metavar="DATA", help="folder of MNIST's IDX files")
    parser.add_argument(
        "--classifier",
        type=Path,
        default=Path("judge.npz"),
        metavar="FILE",
        help="the classifier's file, made when absent (default judge.npz)",
    )
    judged = parser.add_mutually_exclusive_group()
    judged.add_argument(
        "--model",
        type=Path,
        metavar="RUN",
        help="folder or model file of a trained generator, or 'shipped'; 100 digits a class",
    )
    parser.add_argument(
        "--spread",
        type=float,
        default=0.7,
        metavar="X",
        help="of the digits drawn (default 0.7, as of fit-image digits draw)",
    )
    judged.add_argument(
        "--pictures",
        type=Path,
        metavar="FILE",
        help=f"npz file: pictures (n, {SIDE}, {SIDE}, 1), ink bright, and labels (n,)",
    )
    parser.add_argument("--threads", type=int, metavar="N", help="threads (default all cores)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    if arguments.threads is not None and arguments.threads < 1:
        parser.error("--threads must be 1 or more")
    try:
        # First, so that no one waits for the training to learn that they cannot be judged.
        pictures = None
        if arguments.pictures:
            pictures = read_pictures(arguments.pictures)
        elif arguments.model:
            path = None if str(arguments.model) == "shipped" else arguments.model
            pictures = draw_pictures(path, 100, arguments.spread)
        classifier, accuracy = make_classifier(
            arguments.data, arguments.classifier, arguments.threads
        )
        verdict = judge(classifier, *pictures) if pictures else None
    except FitImageError as error:
        report(f"error: {error}")
        sys.exit(error.exit_code)
    if arguments.json:
        print(to_json(accuracy, verdict))
        return
    print(f"The judge recognises {accuracy:.2%} of the real test digits.")
    if verdict:
        print_verdict(verdict)


if __name__ == "__main__":
    main()
