"""The power of a picture by spatial frequency, in octaves.

A picture is taken as mirrored at its edges, so that it has no seam where it repeats: its Fourier
transform is then the discrete cosine transform (DCT-II), which is real (Ahmed, Natarajan and Rao,
"Discrete cosine transform", IEEE Transactions on Computers, 1974). Coefficient (k, l) of a picture
of W x H pixels is a wave of k / 2W cycles per pixel across and l / 2H down, of the wavelength
1 / sqrt((k / 2W)^2 + (l / 2H)^2) pixels. An octave is all waves whose wavelength is at least a
power of two, and less than the next.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fit_image.images.ycbcr import FROM_RGB

_LUMA = (FROM_RGB[0] / 255).astype(np.float32)

SHORTEST = 2
"""Name of the finest octave, in pixels: wavelengths below 4, along diagonals down to 1.41."""


class Octaves:
    """The octaves of pictures of one size.

    Attributes
    ----------
    wavelengths : tuple of int
        The shortest wavelength of each octave in pixels, falling to `SHORTEST`; the longest wave
        has twice the length of the picture's longer side. Empty for a single pixel.
    """

    def __init__(self, width: int, height: int) -> None:
        across = np.arange(width) / (2 * width)
        down = np.arange(height) / (2 * height)
        frequency = np.hypot(across, down[:, np.newaxis])
        frequency[0, 0] = 1.0  # of the mean, which is no wave
        count = (2 * max(width, height)).bit_length() - 1 if max(width, height) > 1 else 0
        self.wavelengths = tuple(SHORTEST << octave for octave in reversed(range(count)))
        # Exact where a wavelength is a power of two, because the logarithm of one is.
        octave = np.floor(-np.log2(frequency)).clip(1, max(count, 1)).astype(np.intp)
        bands = count + 1 - octave
        bands[0, 0] = 0
        self._bands = np.ascontiguousarray(bands.T).ravel()
        self._along_rows = _CosineTransform(height, width)
        self._along_columns = _CosineTransform(width, height)
        self._once, self._twice = np.empty((2, width, height), np.float32)

    def power(self, picture: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Return the power of a picture: its mean's, then that of each of the octaves.

        Together they are the mean square of its values; so those of the difference of two pictures
        are their mean squared error.

        Parameters
        ----------
        picture : ndarray of float32, shape (height, width)
        """
        self._along_rows(picture, self._once.T)
        self._along_columns(self._once, self._twice)
        np.square(self._twice, out=self._twice)
        power = np.bincount(self._bands, self._twice.ravel(), len(self.wavelengths) + 1)
        return power / picture.size


def luma(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return the luma of a picture (height, width, 3), in 0..1."""
    levels: npt.NDArray[np.float32] = picture @ _LUMA
    return levels


class _CosineTransform:
    """The orthonormal DCT-II of each of some rows, by a real FFT of the same length.

    Makhoul, "A fast cosine transform in one and two dimensions", IEEE Transactions on Acoustics,
    Speech, and Signal Processing, 1980. All memory but that of the FFT is kept: to ask the system
    for it takes longer than the transform.
    """

    def __init__(self, rows: int, count: int) -> None:
        self._count = count
        self._ordered = np.empty((rows, count), np.float32)
        turns = np.exp(-0.5j * np.pi / count * np.arange(count // 2 + 1)) * np.sqrt(2 / count)
        turns[0] *= np.sqrt(0.5)
        self._turns = turns.astype(np.complex64)

    def __call__(self, rows: npt.NDArray[np.float32], out: npt.NDArray[np.float32]) -> None:
        """Write the coefficients to ``out``."""
        middle = (self._count + 1) // 2
        self._ordered[:, :middle] = rows[:, ::2]
        self._ordered[:, middle:] = rows[:, 1::2][:, ::-1]
        waves = np.fft.rfft(self._ordered, axis=1)
        waves *= self._turns
        half = self._count // 2 + 1
        out[:, :half] = waves.real
        np.negative(waves.imag[:, self._count - half : 0 : -1], out=out[:, half:])
