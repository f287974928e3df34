"""Figures of how varied drawn pictures are, and how near to real ones.

Diversity is a ratio of mean distances; the others are those of Naeem, Oh, Uh, Choi and Yoo,
"Reliable fidelity and diversity metrics for generative models", ICML 2020, and of Kynkaanniemi et
al., "Improved precision and recall metric for assessing generative models", NeurIPS 2019. Distances
are taken class by class in the principal components of real training pictures.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

COMPONENTS, NEIGHBOUR = 64, 5

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Variety:
    """Means over the classes.

    Attributes
    ----------
    diversity : float
        Mean distance of two drawn pictures, divided by that of two real ones.
    coverage : float
        Real pictures with a drawn one no farther than their fifth nearest real neighbour.
    density : float
        Drawn pictures in such a sphere around a real one, divided by five.
    precision : float
        Drawn pictures that lie in such a sphere.
    recall : float
        Real pictures that lie in such a sphere around a drawn one.
    """

    diversity: float
    coverage: float
    density: float
    precision: float
    recall: float


class PrincipalComponents:
    """The components of pictures in which they vary most.

    Parameters
    ----------
    pictures : array (samples, ...)
        In 0..1.
    """

    def __init__(self, pictures: npt.NDArray[np.float32]) -> None:
        flat = pictures.reshape(len(pictures), -1).astype(np.float64)
        self._mean = flat.mean(axis=0)
        flat -= self._mean
        self._axes = np.linalg.eigh(flat.T @ flat)[1][:, -COMPONENTS:]

    def of(self, pictures: npt.NDArray[np.float32]) -> Array:
        """Return the components (samples, components) of pictures."""
        components: Array = (pictures.reshape(len(pictures), -1) - self._mean) @ self._axes
        return components


def variety(real: list[Array], drawn: list[Array]) -> Variety:
    """Compare drawn pictures with real ones, by their components class by class."""
    classes = [_figures(*pair) for pair in zip(real, drawn, strict=True)]
    return Variety(*np.mean(classes, axis=0).tolist())


def print_varieties(rows: dict[str, Variety]) -> None:
    """Print a table with a row of figures for each name."""
    names = [each.name for each in fields(Variety)]
    width = max(map(len, rows))
    print(" " * width, *(f"{name:>9}" for name in names))
    for title, row in rows.items():
        print(f"{title:{width}}", *(f"{getattr(row, name):9.2f}" for name in names))


def _figures(real: Array, drawn: Array) -> tuple[float, float, float, float, float]:
    real_apart, drawn_apart, between = (
        _distances(*pair) for pair in ((real, real), (drawn, drawn), (real, drawn))
    )
    # The nearest of its own kind is a picture itself.
    real_reach, drawn_reach = (
        np.sort(apart, axis=1)[:, NEIGHBOUR] for apart in (real_apart, drawn_apart)
    )
    inside = between <= real_reach[:, np.newaxis]
    diversity = _mean_distance(drawn_apart) / _mean_distance(real_apart)
    density = inside.sum() / NEIGHBOUR / len(drawn)
    recall = (between <= drawn_reach).any(axis=1).mean()
    return diversity, inside.any(axis=1).mean(), density, inside.any(axis=0).mean(), recall


def _distances(one: Array, other: Array) -> Array:
    squares = (one**2).sum(axis=1)[:, np.newaxis] + (other**2).sum(axis=1) - 2.0 * one @ other.T
    distances: Array = np.sqrt(np.maximum(squares, 0.0))
    return distances


def _mean_distance(apart: Array) -> float:
    return float(apart[np.triu_indices(len(apart), 1)].mean())
