"""Small data to learn from, and a small run of every kind on the command line."""

from __future__ import annotations

import gzip
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from fit_image.storage.npz import read_archive
from shell import Shell


def write_idx(path, array):
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes()))


def labelled_bars(folder):
    """Make a folder of IDX files: 60 bars of 14x14 that stand or lie."""
    rng = np.random.default_rng(1)
    pictures, labels = np.zeros((60, 14, 14), np.uint8), rng.integers(0, 2, 60).astype(np.uint8)
    for picture, label, at in zip(pictures, labels, rng.integers(4, 9, 60), strict=True):
        (picture if label else picture.T)[2:12, at : at + 2] = 255
    write_idx(folder / "train-images-idx3-ubyte.gz", pictures)
    write_idx(folder / "train-labels-idx1-ubyte.gz", labels)
    return folder


def bars(folder):
    """Make an npz file of 60 bars of 14x12 that stand or lie."""
    rng = np.random.default_rng(1)
    pictures, labels = np.zeros((60, 12, 14), np.uint8), rng.integers(0, 2, 60)
    for picture, label, at in zip(pictures, labels, rng.integers(3, 8, 60), strict=True):
        if label:
            picture[at : at + 2, 2:12] = 255
        else:
            picture[2:10, at : at + 2] = 255
    np.savez(folder / "bars.npz", images=pictures, labels=labels)
    return folder / "bars.npz"


def words(folder):
    """Make a folder of four pictures of text."""
    for seed in range(4):
        picture = Image.new("RGB", (90, 70), "white")
        draw = ImageDraw.Draw(picture)
        for top in range(4, 70, 12):
            draw.text((3, top), f"words {seed * top} and more", fill="darkred")
        picture.save(folder / f"{seed}.png")
    return folder


def gradient(folder):
    """Make a picture of 24x16 with edges."""
    y, x = np.mgrid[0:16, 0:24].astype(np.float32)
    circle = (np.hypot(x - 12, y - 8) < 5).astype(np.float32)
    picture = np.stack((x / 23, y / 15, circle), axis=2)
    Image.fromarray((picture * 255).astype(np.uint8)).save(folder / "pic.png")
    return folder / "pic.png"


@dataclass(frozen=True)
class Kind:
    """A kind of run.

    Attributes
    ----------
    command : tuple of str
        The words of the command that trains.
    make_data : callable
        Makes its data in a folder, and returns their path.
    options : tuple
    document : str
        The file that makes a directory one of its kind.
    archive : str
        The kind of its checkpoints.
    version : int
        Of these.
    """

    command: tuple[str, ...]
    make_data: object
    options: tuple[object, ...]
    document: str
    archive: str
    version: int = 2

    @property
    def shell(self):
        return Shell(*self.command)

    def checkpoint(self, folder):
        """Return the checkpoint's arrays, but for times and what a frame more may change."""
        arrays = read_archive(folder / "checkpoint.npz", self.archive, self.version)
        return {
            name: array
            for name, array in arrays.items()
            if not name.endswith(("seconds", "best_psnr"))
        }


DIGITS = (
    *("--batch-size", 20, "--latent", 4, "--units", 4, "--blocks", 1, "--block-layers", 1),
    *("--encoder-units", 16, "--maps", 4, "--generator-steps", 2),
)
AUTOENCODE = ("--bottleneck", 4, "--batch-size", 20)
UNJPEG = (
    *("--block", 8, "--layers", "12", "--batch-size", 20, "--patches", 200, "--lr", 0.003),
    *("--quality", 30, "--optimizer", "adam", "--difference", "--average", 0.9),
)
FIT = ("--layers", "2x16", "--animation", "none")
ADAM = (*FIT, "--optimizer", "adam", "--batch-size", 50)

KINDS = {
    "fit": Kind((), gradient, FIT, "run.json", "checkpoint", 4),
    "adam": Kind((), gradient, ADAM, "run.json", "checkpoint", 4),
    "error": Kind((), gradient, (*ADAM, "--sampling", "error"), "run.json", "checkpoint", 4),
    "digits": Kind(("digits", "train"), labelled_bars, DIGITS, "digits.json", "digits_checkpoint"),
    "autoencode": Kind(
        ("autoencode", "train"), bars, AUTOENCODE, "autoencoder.json", "autoencoder_checkpoint"
    ),
    "unjpeg": Kind(("unjpeg", "train"), words, UNJPEG, "unjpeg.json", "unjpeg_checkpoint"),
}
