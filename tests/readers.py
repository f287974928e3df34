"""All that reads files which may come from a stranger, with small files to damage: `READERS`.

A reader is tried with variants of its files. It may succeed, or say in one line what is wrong.
"""

from __future__ import annotations

import gzip
import io
import random
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

import kinds
from fit_image.apps.autoencode.config import AutoencodeConfig
from fit_image.apps.autoencode.directory import (
    AutoencoderDirectory,
    AutoencoderManifest,
    AutoencoderSource,
)
from fit_image.apps.autoencode.model import AutoencoderModel
from fit_image.apps.autoencode.networks import make_autoencoder
from fit_image.apps.autoencode.trainer import AutoencoderTrainer
from fit_image.apps.digits.config import DigitsConfig
from fit_image.apps.digits.directory import DigitsDirectory, DigitsManifest, DigitsSource
from fit_image.apps.digits.model import DigitModel
from fit_image.apps.digits.networks import generator_layers
from fit_image.apps.digits.trainer import DigitTrainer
from fit_image.apps.fit.architecture import make_network
from fit_image.apps.fit.directory import FitDirectory
from fit_image.apps.fit.manifest import FitManifest, FitResult
from fit_image.apps.fit.metrics import FitMetrics
from fit_image.apps.fit.picture_source import load_source
from fit_image.apps.fit.trainer import FitTrainer
from fit_image.apps.painting_network import PaintingNetwork
from fit_image.apps.sweep.execution.cost import measured_factor
from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
from fit_image.apps.sweep.plan.trial import Trial
from fit_image.apps.sweep.results.outcome import read_outcomes
from fit_image.apps.unjpeg.config import UnjpegConfig
from fit_image.apps.unjpeg.directory import UnjpegDirectory, UnjpegManifest, UnjpegSource
from fit_image.apps.unjpeg.model import Restorer
from fit_image.apps.unjpeg.network import make_network as make_restorer
from fit_image.apps.unjpeg.patches.extractor import PatchExtractor
from fit_image.apps.unjpeg.patches.pictures import split_folder
from fit_image.apps.unjpeg.trainer import PatchTrainer
from fit_image.config.fit import FitConfig, ImageConfig, RecordConfig
from fit_image.config.layer_spec import Hidden
from fit_image.datasets.arrays import load_picture_data
from fit_image.datasets.labelled import load_labelled
from fit_image.errors import FitImageError, InputError
from fit_image.images.io import load_image
from fit_image.runs.manifest import RunResult
from mutations import damaged, forged_json, forged_npz, forged_text
from shell import Shell

LONGEST_LINE = 1500
"""Of an error, in characters: values from files are cut."""


@dataclass(frozen=True)
class Reader:
    """Files in the form that is read, their variants, and how these are read.

    Attributes
    ----------
    seeds : tuple of Path
    place : Path
        Where a variant is written: next to what belongs to it.
    read : callable
        Of the path of a variant.
    forge : callable
        Makes a variant of valid form; others have damaged bytes.
    """

    seeds: tuple[Path, ...]
    place: Path
    read: Callable[[Path], object]
    forge: Callable[[random.Random, bytes], bytes] | None = None

    def attempt(self, number: int) -> bool:
        """Read a variant; return whether it was accepted. Raises what is a fault of the reader."""
        rng = random.Random(number)
        seed = self.seeds[number % len(self.seeds)]
        data = seed.read_bytes()
        if number < len(self.seeds):
            pass  # as it is
        elif self.forge is None or rng.random() < 0.3:
            data = damaged(rng, data)
        else:
            data = self.forge(rng, data)
            if rng.random() < 0.1:
                data = damaged(rng, data)
        path = self.place if self.place.suffix else self.place / f"variant{seed.suffix}"
        path.write_bytes(data)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # as the program does
                self.read(path)
        except FitImageError as error:
            assert len(str(error)) < LONGEST_LINE, f"a message of {len(str(error))} characters"
            return False
        return True


def say(*words):
    """Run a command that may refuse in one line."""
    result = Shell().run(*words)
    if isinstance(result.exception, Exception):
        raise result.exception
    if result.exit_code:
        (line,) = result.stderr.splitlines()
        raise FitImageError(line)


def _pictures(folder):
    rng = np.random.default_rng(0)
    colours = Image.fromarray(rng.integers(0, 256, (8, 12, 3), dtype=np.uint8))
    alpha = Image.fromarray(rng.integers(0, 256, (8, 12, 4), dtype=np.uint8))
    deep = Image.fromarray(rng.integers(0, 65_536, (8, 12), dtype=np.uint16))
    exif = Image.Exif()
    exif[0x0112] = 6
    saved = {
        "rgb.png": (colours, {}),
        "rgba.png": (alpha, {}),
        "deep.png": (deep, {}),
        "palette.png": (colours.quantize(8), {"transparency": 3}),
        "turned.jpg": (colours, {"exif": exif}),
        "palette.gif": (colours.quantize(8), {}),
        "lossy.webp": (colours, {}),
        "alpha.webp": (alpha, {"lossless": True}),
        "plain.bmp": (colours, {}),
        "plain.tif": (colours, {}),
        "lzw.tif": (alpha, {"compression": "tiff_lzw"}),
        "deflate.tif": (deep, {"compression": "tiff_deflate"}),
        "jpeg.tif": (colours, {"compression": "jpeg"}),
    }
    for name, (picture, options) in saved.items():
        picture.save(folder / name, **options)

    def read(path):
        for channels in ("rgb", "grey", "rgba"):
            load_image(path, channels=channels)

    return Reader(tuple(folder / name for name in saved), folder, read)


def _models(folder):
    encodings = ("none", "positional:2", "fourier:4@2", "grid:levels=2,entries=16")
    configs = [FitConfig(layers="8,6:sine", encoding=each) for each in encodings]
    configs.append(FitConfig(layers="4,residual:2x2x4"))
    for number, config in enumerate(configs):
        make_network(config.for_picture(6, 4), (6, 4), 3).save(folder / f"{number}.npz")

    def read(path):
        PaintingNetwork.load(path).render(4, 3, threads=1)
        FitDirectory.describe_model(path)

    return Reader(tuple(folder.glob("*.npz")), folder, read, forged_npz)


def _digit_models(folder):
    config = DigitsConfig(latent=3, units=4, blocks=1, block_layers=1)
    count = sum(layer.num_params for layer in generator_layers(config, 1))
    zeros = np.zeros((2, 2, 3), np.float32)
    parameters = np.linspace(-1, 1, count, dtype=np.float32)
    model = DigitModel(config, 1, 12, 12, ("a", "b"), parameters, zeros, zeros + 1, 0.0)
    model.save(folder / "digits.npz")

    def read(path):
        model = DigitModel.load(path)
        model.draw(model.means[0, 0], 5, 4, threads=1)
        DigitsDirectory.describe_model(path)

    return Reader((folder / "digits.npz",), folder, read, forged_npz)


def _autoencoders(folder):
    mean = np.full((8, 8, 1), 0.5, np.float32)
    configs = {
        "dense": AutoencodeConfig(bottleneck=3, hidden=(5,)),
        "tied": AutoencodeConfig(bottleneck=3, tied=True),
        "conv": AutoencodeConfig(conv=True, filters=2, bottleneck=3),
        "residual": AutoencodeConfig(conv=True, residual=True, filters=(2, 3), bottleneck=3),
    }
    for name, config in configs.items():
        model = AutoencoderModel(config, mean, make_autoencoder(config, mean))
        model.save(folder / f"{name}.npz")

    def read(path):
        model = AutoencoderModel.load(path)
        model.redraw(np.zeros((1, *model.mean.shape), np.uint8), threads=1)
        AutoencoderDirectory.describe_model(path)

    return Reader(tuple(folder.glob("*.npz")), folder, read, forged_npz)


def _restorers(folder):
    for number, widths in enumerate(((6,), (4, 5))):
        model = Restorer(PatchExtractor(8, 0.5, 0.2), make_restorer(8, widths), False, "30")
        model.save(folder / f"{number}.npz", half=bool(number))

    def read(path):
        Restorer.load(path).restore(np.zeros((9, 9, 3), np.uint8), threads=1)
        UnjpegDirectory.describe_model(path)

    return Reader(tuple(folder.glob("*.npz")), folder, read, forged_npz)


def make_run(folder):
    """Make the directory of a run that has learned nothing, and its trainer."""
    source = load_source(kinds.gradient(folder), ImageConfig())
    fit = FitConfig(layers="6", optimizer="adam", batch_size=50).for_picture(24, 16)
    manifest = FitManifest(source.picture, fit, ImageConfig(), RecordConfig())
    result = FitResult("interrupted", None, 2, 20.5, 0.1, 39, 1.5, 2.5, 1)
    run = FitDirectory(folder / "run", manifest, result)
    run.create()
    for epoch in (1, 2, 3):
        run.metrics.append(FitMetrics(epoch, 0.1 / epoch, 20.0 + epoch, 0.5 * epoch))
    return run, partial(FitTrainer, source.image.levels, fit, threads=1)


def _checkpoints(directory, trainer):
    directory.path.mkdir(exist_ok=True)
    directory.write_checkpoint(trainer.checkpoint())
    seed = directory.path / "seed.npz"
    directory.checkpoint.rename(seed)

    def read(path):
        arrays = directory.read_checkpoint()
        try:
            trainer.resume_from(arrays)
        except ValueError as error:  # as the recorder does
            raise InputError(str(error)) from error

    return Reader((seed,), directory.checkpoint, read, forged_npz)


def _fit_checkpoints(folder):
    run, make_trainer = make_run(folder)
    return _checkpoints(run, make_trainer())


_DIGITS = DigitsConfig(
    batch_size=20, latent=3, units=4, blocks=1, block_layers=1, encoder_units=8, maps=2
)
_UNJPEG = UnjpegConfig(
    block=8, layers=(Hidden(6),), batch_size=20, patches=40, optimizer="adam", average=0.9
)


def _digit_checkpoints(folder):
    trainer = DigitTrainer(load_labelled(kinds.labelled_bars(folder)), _DIGITS, threads=1)
    return _checkpoints(DigitsDirectory(folder / "run", None), trainer)


def _autoencoder_checkpoints(folder):
    pictures = load_picture_data(kinds.bars(folder)).pictures
    trainer = AutoencoderTrainer(
        pictures[:40], pictures[40:], AutoencodeConfig(bottleneck=3, batch_size=20), threads=1
    )
    return _checkpoints(AutoencoderDirectory(folder / "run", None), trainer)


def _unjpeg_checkpoints(folder):
    (folder / "clean").mkdir()
    trainer = PatchTrainer(split_folder(kinds.words(folder / "clean"), _UNJPEG), _UNJPEG, threads=1)
    return _checkpoints(UnjpegDirectory(folder / "run", None), trainer)


def _documents(kind, manifest, folder, result=None):
    directory = kind(folder / "run", manifest, result or RunResult("done", 2, 1.5, 2.5))
    directory.path.mkdir(exist_ok=True)
    directory.write_document()
    document = directory.path / directory.document_name
    seed = document.rename(folder / "seed.json")
    return Reader((seed,), document, lambda path: say("info", path.parent), forged_json)


def _fit_documents(folder):
    run, _ = make_run(folder)
    return _documents(FitDirectory, run.manifest, folder, run.result)


def _digit_documents(folder):
    source = DigitsSource("/data", "0" * 64, 60, 14, 14, ("0", "1"), "grey", None)
    return _documents(DigitsDirectory, DigitsManifest.of(source, _DIGITS, 3), folder)


def _autoencoder_documents(folder):
    source = AutoencoderSource("/data", "0" * 64, 40, 20, None, 14, 12, "grey")
    config = AutoencodeConfig(hidden=(5, 4))
    return _documents(AutoencoderDirectory, AutoencoderManifest.of(source, config, 3), folder)


def _unjpeg_documents(folder):
    source = UnjpegSource("/data", "0" * 64, 3, 1)
    return _documents(UnjpegDirectory, UnjpegManifest.of(source, _UNJPEG, 3), folder)


def make_sweep(folder):
    """Make the folder of a sweep of two trials, of which the first was interrupted."""
    run, _ = make_run(folder)
    other = replace(run.manifest, fit=replace(run.manifest.fit, seed=1))
    sweep = SweepDirectory(folder / "sweep", [Trial(run.manifest), Trial(other)], {"x": "failed"})
    sweep.write()
    return sweep, run.path.rename(sweep.run_path(sweep.trials[0]))


def _plan(sweep):
    say("sweep", "--resume", "-o", sweep.path, "--plan")


def _sweep_documents(folder):
    sweep, _ = make_sweep(folder)
    document = sweep.path / "sweep.json"
    seed = document.rename(folder / "seed.json")
    return Reader((seed,), document, lambda path: _plan(sweep), forged_json)


def _metrics(folder):
    sweep, run = make_sweep(folder)
    seed = (run / "metrics.csv").rename(folder / "seed.csv")

    def read(path):
        FitDirectory.open(run).describe()
        measured_factor(read_outcomes(sweep))

    return Reader((seed,), run / "metrics.csv", read, forged_text)


def _spectra(folder):
    _, run = make_sweep(folder)
    seed = folder / "seed.csv"
    seed.write_text("epoch,mean,16,8,4,2\ntarget,.1,.2,.3,.1,0\n0,1,2,3,4,5\n2,1e-9,1,1,1,0\n")
    return Reader(
        (seed,), run / "spectrum.csv", lambda _: FitDirectory.open(run).spectrum.read(), forged_text
    )


def _tables(name, text, folder):
    picture = kinds.gradient(folder)
    seed = folder / name
    seed.write_text(text)

    def read(path):
        say("sweep", picture, f"--from-{path.suffix[1:]}", path, "--plan", "-o", folder / "out")

    return Reader((seed,), folder, read, forged_text)


_CSV = "layers,lr,encoding,epochs,activation\n4x8,0.03,none,5,relu\n8:sine,0.1,grid,6,tanh\n"
_SEMICOLONS = "sep=;\nlayers;lr;epochs\n4x8;0.03, 0.1;5\n8:sine,4;0.1;6\n"
_TOML = 'epochs = [5, 6]\n[[trial]]\nlayers = "4x8"\nlr = 0.03\n[[trial]]\nlayers = ["8", "9"]\n'


def _read_data(path):
    load_picture_data(path, size=(8, 8))
    load_labelled(path)


def _npz_data(folder):
    seed = folder / "keras.npz"
    with np.load(kinds.bars(folder)) as bars:
        pictures, labels = bars["images"], bars["labels"][:, None]
        np.savez(seed, x_train=pictures / 255, y_train=labels, x_test=pictures[:3])
    return Reader((folder / "bars.npz", seed), folder, _read_data, forged_npz)


def _npy_data(folder):
    with np.load(kinds.bars(folder)) as bars:
        np.save(folder / "bytes.npy", bars["images"][:5])
        np.save(folder / "floats.npy", bars["images"][:3].reshape(3, 168)[:, :144] / 255)
    return Reader(tuple(folder.glob("*.npy")), folder, load_picture_data)


def _zip_data(folder):
    files = {}
    for number in range(4):
        file = io.BytesIO()
        Image.new("L", (6, 5), 60 * number).save(file, "PNG")
        files[f"set/{number % 2}/{number}.png"] = file.getvalue()
    for name, compression in (("stored", zipfile.ZIP_STORED), ("packed", zipfile.ZIP_DEFLATED)):
        with zipfile.ZipFile(folder / f"{name}.zip", "w", compression) as archive:
            for path, content in files.items():
                archive.writestr(path, content)
    return Reader(tuple(folder.glob("*.zip")), folder, _read_data)


def _idx_data(folder):
    kinds.labelled_bars(folder)
    images = folder / "train-images-idx3-ubyte.gz"
    seed = folder / "seed"
    seed.write_bytes(gzip.decompress(images.read_bytes()))

    def read(path):
        images.write_bytes(path.read_bytes())
        load_picture_data(path)
        load_labelled(folder)

    packed = images.rename(folder / "packed.bin")
    return Reader((seed, packed), folder / "variant.idx", read)


def _cifar_data(folder):
    seed = folder / "batch.bin"
    seed.write_bytes(bytes(range(256)) * 24 + bytes(2))
    return Reader((seed,), folder, load_picture_data)


READERS: dict[str, Callable[[Path], Reader]] = {
    "pictures": _pictures,
    "models": _models,
    "models of digits": _digit_models,
    "models of autoencoders": _autoencoders,
    "models of unjpeg": _restorers,
    "checkpoints": _fit_checkpoints,
    "checkpoints of digits": _digit_checkpoints,
    "checkpoints of autoencoders": _autoencoder_checkpoints,
    "checkpoints of unjpeg": _unjpeg_checkpoints,
    "run.json": _fit_documents,
    "digits.json": _digit_documents,
    "autoencoder.json": _autoencoder_documents,
    "unjpeg.json": _unjpeg_documents,
    "sweep.json": _sweep_documents,
    "metrics.csv": _metrics,
    "spectrum.csv": _spectra,
    "tables in CSV": partial(_tables, "trials.csv", _CSV),
    "tables with semicolons": partial(_tables, "trials.csv", _SEMICOLONS),
    "tables in TOML": partial(_tables, "trials.toml", _TOML),
    "data in npz": _npz_data,
    "data in npy": _npy_data,
    "data in zip": _zip_data,
    "data in IDX": _idx_data,
    "data of CIFAR-10": _cifar_data,
}
"""Makers of readers, each of an empty folder."""
