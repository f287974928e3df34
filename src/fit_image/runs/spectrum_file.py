"""``spectrum.csv``: the power of the target, and of each frame's error, in octaves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from fit_image.animation.film import Pixels, frame_paths, read_frame
from fit_image.errors import InputError, os_error_reason
from fit_image.images.decoding import flatten_alpha, parse_background
from fit_image.images.spectrum import Octaves, luma
from fit_image.storage import atomic
from fit_image.storage.untrusted import read_bytes

Power = tuple[float, ...]
"""That of the mean, then that of each octave, the longest wavelength first."""

_TARGET = "target"
_EPOCH = re.compile("[0-9]{1,15}")
_LARGEST = 1e6  # power; that of pictures is below 1


@dataclass(frozen=True)
class Spectra:
    """Spectra of a run.

    Attributes
    ----------
    wavelengths : tuple of int
        Those of `fit_image.images.spectrum.Octaves`.
    target : tuple of float
        Power of the picture that is learned.
    errors : dict of int to tuple of float
        Power of the error of each frame, by its epoch; 0 is the untrained network.
    """

    wavelengths: tuple[int, ...]
    target: Power
    errors: dict[int, Power] = field(default_factory=dict)


class SpectrumFile:
    """The file of a run, made of its frames and of its ``target.png``, as bytes have them.

    Attributes
    ----------
    path : Path
    """

    def __init__(self, run: Path, background: str) -> None:
        self.path = run / "spectrum.csv"
        self._target, self._frames = run / "target.png", run / "frames"
        self._background = parse_background(background)

    def complete(self) -> None:
        """Write it whole: the rows that are missing, and no others than those of frames.

        Raises
        ------
        InputError
            If the target or a frame is damaged.
        FitImageError
            If a file cannot be read or written.
        """
        self._write(self.measured(frame_paths(self._frames), self.known()))

    def append(self, epoch: int, picture: npt.NDArray[np.uint8]) -> None:
        """Add the row of a frame (height, width, channels).

        Raises
        ------
        FitImageError
            If it cannot be written.
        """
        if picture.shape[2] != 3:
            bands = Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)
            picture = np.asarray(flatten_alpha(bands, self._background))
        atomic.append_line(self.path, _line(epoch, self._error_of(picture)))

    def forget_after(self, epoch: int) -> None:
        """Drop the rows of later epochs, if there is a file."""
        if found := self.read():
            errors = {each: power for each, power in found.errors.items() if each <= epoch}
            self._write(Spectra(found.wavelengths, found.target, errors))

    def known(self) -> dict[int, Power]:
        """Return the errors in the file; none without one, or if it is of another target.

        Raises
        ------
        InputError
            If the file cannot be read, or the target is damaged.
        """
        found = self.read()
        if not found or _line(_TARGET, found.target) != _line(_TARGET, self._target_power):
            return {}
        return found.errors

    def measured(self, frames: Iterable[tuple[int, Path]], known: Mapping[int, Power]) -> Spectra:
        """Return the spectra of the target and of frames, of which some may be ``known``.

        Raises what `complete` does, except for writing.
        """
        errors = {
            epoch: known[epoch] if epoch in known else self._error_of(self._picture(file))
            for epoch, file in frames
        }
        return Spectra(self._octaves.wavelengths, self._target_power, errors)

    def read(self) -> Spectra | None:
        """Return the spectra in the file, None if there is none; a damaged row ends it.

        Raises
        ------
        InputError
            If it cannot be read.
        """
        try:
            text = read_bytes(self.path).decode("utf-8", errors="replace")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InputError(f"cannot read {self.path}: {os_error_reason(error)}") from error
        # A line without its end was being written when the process was killed.
        head, *lines = [line.split(",") for line in text.split("\n")[:-1]] or [[]]
        try:
            wavelengths = tuple(int(each) for each in head[2:] if _EPOCH.fullmatch(each))
            (name, *power), *lines = lines
            if name != _TARGET:
                return None
            spectra = Spectra(wavelengths, _parsed(power, wavelengths))
        except ValueError:
            return None
        last = -1
        for number, *power in lines:
            if not _EPOCH.fullmatch(number) or int(number) <= last:
                break
            last = int(number)
            try:
                spectra.errors[last] = _parsed(power, wavelengths)
            except ValueError:
                break
        return spectra

    def _write(self, spectra: Spectra) -> None:
        head = ",".join(("epoch", "mean", *map(str, spectra.wavelengths)))
        rows = [(_TARGET, spectra.target), *spectra.errors.items()]
        lines = [head, *(_line(name, power) for name, power in rows)]
        atomic.write_bytes(self.path, "".join(f"{line}\n" for line in lines).encode())

    @cached_property
    def _luma(self) -> npt.NDArray[np.float32]:
        return luma(read_frame(self._target, self._background))

    @cached_property
    def _octaves(self) -> Octaves:
        height, width = self._luma.shape
        return Octaves(width, height)

    @cached_property
    def _target_power(self) -> Power:
        return self._power_of(self._luma)

    def _picture(self, file: Path) -> Pixels:
        picture = read_frame(file, self._background)
        if picture.shape[:2] != self._luma.shape:
            raise InputError(f"{file} has another size than {self._target}")
        return picture

    def _error_of(self, picture: Pixels) -> Power:
        return self._power_of(luma(picture) - self._luma)

    def _power_of(self, values: npt.NDArray[np.float32]) -> Power:
        return tuple(self._octaves.power(values).tolist())


def _line(name: object, power: Power) -> str:
    return ",".join((str(name), *(f"{each:.6g}" for each in power)))


def _parsed(texts: list[str], wavelengths: tuple[int, ...]) -> Power:
    power = tuple(map(float, texts))
    if len(power) != len(wavelengths) + 1 or not all(0 <= each < _LARGEST for each in power):
        raise ValueError("not the power of each octave")
    return power
