#!/usr/bin/env python3
"""Judge generated digits by a classifier that has seen real ones only.

It learns from the 60,000 training digits of MNIST, whose IDX files lie in the folder DATA, in a few
minutes on one core, and is kept in a file. It must recognise 99 % of the 10,000 test digits.

Generated digits are also compared with real ones in 64 principal components of the training digits,
100 of a class with the first 100 test digits of it, at 28x28 pixels.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt

from command_line import run_command
from fit_image.apps.digits.config import DigitsConfig
from fit_image.apps.digits.model import DigitModel
from fit_image.apps.digits.trainer import DigitTrainer
from fit_image.config.registry import DIGIT_MODELS
from fit_image.datasets.labelled import LabelledPictures, load_labelled
from fit_image.errors import DivergenceError, FitImageError, InputError
from fit_image.images.colours import to_float, to_uint8
from fit_image.images.crops import centre_crop, random_crops
from fit_image.nn.layers.convolution.conv2d import Conv2D
from fit_image.nn.layers.dense import Dense
from fit_image.nn.layers.dropout import Dropout
from fit_image.nn.layers.kernel_args import BoundActivation
from fit_image.nn.losses import cross_entropy
from fit_image.nn.network import Network
from fit_image.nn.optimizers.adam import Adam
from fit_image.nn.optimizers.base import Step
from fit_image.nn.optimizers.schedules import RateSchedule
from fit_image.nn.runtime.threads import ThreadPool
from fit_image.storage.atomic import check_destination
from fit_image.storage.npz import array_like, read_archive, read_arrays, write_archive
from variety import PrincipalComponents, Variety, print_varieties, variety

# Pictures a class that are drawn, judged and compared.
EACH = 100
LEAST = 0.99  # share of the test digits that a judge recognises
REDUCED = 0.45  # of the digits of a reduced training; chance is 0.1
Judged = tuple[npt.NDArray[Any], npt.NDArray[Any]]  # pictures and labels
Confusion = npt.NDArray[np.int64]  # pictures by what they should show (row) and what was seen

SIDE, CLASSES = 26, 10  # pixels of a side of what is classified, and kinds of it
WHOLE = 28  # pixels of a side of what is compared
EPOCHS = 8  # enough for more than 99.2 % of the test digits
_BATCH, _RATE, _KEEP, _SLOPE = 100, 0.001, 0.5, 0.1
_MOST = 500  # pictures classified at a time
_KIND, _VERSION = "digit_judge", 1


class Classifier:
    """Two convolutions and two dense layers, without batch normalisation: pictures stand alone."""

    def __init__(self, threads: int | None = None) -> None:
        self._chain = _make_chain()
        self._cache = self._chain.make_cache(_MOST, ThreadPool(threads))

    def train(
        self, digits: LabelledPictures, seed: int = 0, epochs: int = EPOCHS
    ) -> Iterator[float]:
        """Learn from random crops with Adam, annealed; yield the mean loss of each epoch."""
        chain, count = self._chain, len(digits)
        schedule = RateSchedule("cosine", epochs)
        adam, gradient = Adam(chain.parameters.size), chain.zeros()
        spans = np.array([[0, chain.parameters.size]])
        chain.init_params(np.random.default_rng([seed, 0]))
        for epoch in range(epochs):
            rng = np.random.default_rng([seed, 1, epoch])
            order, total = rng.permutation(count), 0.0
            factors = schedule.factors(epoch * count, count, count)
            for first in range(0, count, _BATCH):
                chosen = order[first : first + _BATCH]
                pictures = random_crops(digits.pictures[chosen], SIDE, rng)
                logits = chain.forward(pictures, self._cache, rng)
                judged = cross_entropy(logits, digits.labels[chosen])
                chain.backward(self._cache, judged.grad, gradient)
                total += float(judged.losses.sum())
                adam.steps += 1
                rates = np.float32(_RATE) * factors[first : first + 1]
                step = Step(spans, rates, np.float32(1.0 / len(chosen)), adam.steps)
                adam.update(chain.parameters, gradient, step)
            if not math.isfinite(total):
                raise DivergenceError("the judge's training ran away: its loss is not finite")
            yield total / count

    def classify(self, pictures: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
        """Return the likeliest class of each picture (SIDE, SIDE, 1) in 0..1, the ink bright."""
        classes = np.empty(len(pictures), dtype=np.int64)
        for first in range(0, len(pictures), _MOST):
            some = np.ascontiguousarray(pictures[first : first + _MOST], dtype=np.float32)
            logits = self._chain.forward(some, self._cache)
            classes[first : first + _MOST] = logits.argmax(axis=1)
        return classes

    def save(self, path: Path) -> None:
        """Write an npz file, whole or not at all."""
        write_archive(path, _KIND, _VERSION, {"parameters": self._chain.parameters})

    def load(self, path: Path) -> None:
        """Become what was written by `save`."""
        mine, arrays = self._chain.parameters, read_archive(path, _KIND, _VERSION)
        try:
            mine[:] = array_like(arrays, "parameters", mine)
        except ValueError as error:
            raise InputError(f"{path} is no such classifier: {error}") from error


def _make_chain() -> Network:
    leaky = BoundActivation.of("leaky-relu", slope=_SLOPE)

    def options(fan_in: int) -> dict[str, Any]:
        # He et al., "Delving deep into rectifiers", ICCV 2015, equation 10.
        return {"activation": leaky, "std": math.sqrt(2.0 / fan_in)}

    first = Conv2D((SIDE, SIDE, 1), 32, 5, 2, **options(25))
    second = Conv2D(first.out_shape, 64, 5, 2, **options(25 * 32))
    hidden = Dense(second.out_shape, 256, **options(math.prod(second.out_shape)))
    last = Dense(hidden.out_shape, CLASSES, std=math.sqrt(2.0 / 256))
    return Network([first, second, hidden, Dropout(hidden.out_shape, _KEEP), last])


def judge(classifier: Classifier, pictures: npt.NDArray[Any], labels: Any) -> Confusion:
    """Let a classifier say what pictures show."""
    confusion = np.zeros((CLASSES, CLASSES), dtype=np.int64)
    np.add.at(confusion, (labels, classifier.classify(to_float(pictures))), 1)
    return confusion


def shares(confusion: Confusion) -> tuple[float, dict[int, float]]:
    """Return the accuracy over all pictures, and that of each class that occurs."""
    right, counts = confusion.diagonal(), confusion.sum(axis=1)
    seen = np.flatnonzero(counts).tolist()
    by_class = {digit: float(right[digit] / counts[digit]) for digit in seen}
    return float(right.sum() / counts.sum()), by_class


def load_digits(folder: Path, part: str) -> LabelledPictures:
    """Read a part of MNIST, whose classes must be the ten digits."""
    digits = load_labelled(folder, part=part)
    if digits.names != tuple(map(str, range(CLASSES))):
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
    arrays = read_arrays(path, ("pictures", "labels"))
    if len(arrays) < 2:
        raise InputError(f"{path} is no npz file of pictures and labels")
    pictures, labels = arrays["pictures"], arrays["labels"]
    shades = pictures.dtype == np.uint8 or ((pictures >= 0) & (pictures <= 1)).all()  # nor is NaN
    if pictures.shape != (len(labels), SIDE, SIDE, 1) or not (len(labels) and shades):
        raise InputError(f"{path}: pictures must be (n, {SIDE}, {SIDE}, 1), uint8 or 0 to 1")
    if labels.dtype.kind not in "iu" or not np.isin(labels, range(CLASSES)).all():
        raise InputError(f"{path}: labels must be 0 to {CLASSES - 1}")
    return pictures, labels


def draw_pictures(model: DigitModel, spread: float) -> tuple[Judged, npt.NDArray[np.float32]]:
    """Draw pictures of every class from a trained generator, to be judged and to be compared.

    What is judged are those as in training, or their middles; what is compared is as large as real
    digits.
    """
    labels = np.repeat(np.arange(CLASSES), EACH)
    latents = model.sample(labels, np.random.default_rng(0), spread)
    side = min(model.width, model.height)
    trained = np.stack([model.draw(latent, side, side) for latent in latents])
    whole = np.stack([model.draw(latent, WHOLE, WHOLE) for latent in latents])
    return (centre_crop(to_uint8(trained), SIDE), labels), whole


def measure(data: Path, drawn: npt.NDArray[np.float32] | None) -> dict[str, Variety]:
    """Compare the first test digits with as many drawn ones, and with training digits."""
    test, known = load_digits(data, "t10k"), load_digits(data, "train")
    components = PrincipalComponents(to_float(known.pictures))
    real, others = (
        [components.of(to_float(part.pictures[part.labels == label][:EACH])) for label in range(10)]
        for part in (test, known)
    )
    found = {"real": variety(real, others)}
    if drawn is not None:
        found["drawn"] = variety(real, np.split(components.of(drawn), CLASSES))
    return found


def train_reduced(data: Path, threads: int | None) -> DigitModel:
    """Train a small generator on few digits, in two minutes of one core."""
    digits = load_labelled(data)
    few = np.random.default_rng(0).permutation(len(digits.labels))[:2000]
    digits = replace(digits, pictures=digits.pictures[few], labels=digits.labels[few])
    # The networks of single steps go up and down; their average is what can be measured.
    config = DigitsConfig(batch_size=50, blocks=4, maps=8, encoder_units=128, average=0.998)
    trainer = DigitTrainer(digits, config, threads=threads)
    for _ in range(10):
        while not trainer.epoch_is_over:
            trainer.train_step()
        trainer.end_epoch()
    return trainer.model()


def load_model(name: str) -> DigitModel:
    """Load a generator of the package, or that of a run or model file."""
    if name in ("shipped", *DIGIT_MODELS):
        return DigitModel.shipped(DIGIT_MODELS[0] if name == "shipped" else name)
    return DigitModel.load(Path(name))


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
@click.option("--model", metavar="RUN", help="Folder or model file of a trained generator, "
              f"'shipped' or one of {', '.join(DIGIT_MODELS)}, or 'reduced' to train a small one, "
              f"of which at least {REDUCED:.0%} must be recognised.")  # fmt: skip
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
    judged, drawn = read_pictures(pictures) if pictures else None, None
    if model:
        trained = train_reduced(data, threads) if model == "reduced" else load_model(model)
        judged, drawn = draw_pictures(trained, spread)
    classifier, accuracy = make_classifier(data, path, threads)
    confusion = judge(classifier, *judged) if judged else None
    varieties = measure(data, drawn) if drawn is not None else {}
    if as_json:
        found: dict[str, Any] = {"test_accuracy": accuracy}
        if confusion is not None:
            overall, by_class = shares(confusion)
            found |= {"accuracy": overall, "by_class": by_class, "confusion": confusion.tolist()}
        found |= {name: asdict(row) for name, row in varieties.items()}
        print(json.dumps(found))
        return
    print(f"The judge recognises {accuracy:.2%} of the real test digits.")
    if confusion is not None:
        print_verdict(confusion)
        if varieties:
            print_varieties(varieties)
        if model == "reduced" and shares(confusion)[0] < REDUCED:
            sys.exit("error: the training is broken")


if __name__ == "__main__":
    run_command(main)
