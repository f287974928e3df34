"""A training by a recipe: rounds of batches, epochs of rounds, and how far it has come."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

RecipeType = TypeVar("RecipeType")
FiguresType = TypeVar("FiguresType")


@dataclass
class Standing:
    """How far a training has come.

    Attributes
    ----------
    epoch : int
        Epochs completed.
    rounds : int
        Rounds completed of the next one.
    seconds : float
        Training time so far.
    """

    epoch: int = 0
    rounds: int = 0
    seconds: float = 0.0


class RecipeTrainer(ABC, Generic[RecipeType, FiguresType]):
    """Plays round after round.

    What happens depends on the recipe, the pictures and the place in the training alone: stopping
    between two rounds and going on from `to_arrays` gives the same bits.

    Attributes
    ----------
    recipe : dataclass
    rounds : int
        Of an epoch.
    standing : Standing
    """

    recipe: RecipeType
    rounds: int
    standing: Standing

    @abstractmethod
    def play(self, go_on: Callable[[], bool] = lambda: True) -> FiguresType | None:
        """Play the next round, and return its figures.

        Parameters
        ----------
        go_on : callable
            Asked now and then, if rounds take long. If it says no, nothing has happened.

        Returns
        -------
        dataclass or None
            None if it was stopped.

        Raises
        ------
        DivergenceError
            If a loss or gradient is not finite.
        """

    @abstractmethod
    def warm_up(self) -> None:
        """Compile all kernels, or load them, and leave everything as it was."""

    @property
    def epoch_is_over(self) -> bool:
        """Whether all rounds of the epoch are played."""
        return self.standing.rounds == self.rounds

    @property
    def is_done(self) -> bool:
        """Whether nothing is to be gained by more epochs."""
        return False

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return copies of all there is to remember."""
        return {name: np.array(float(value)) for name, value in asdict(self.standing).items()}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go on from `to_arrays`.

        Raises
        ------
        ValueError
            If the arrays are not those of such a training.
        """
        epoch, rounds, seconds = (
            number_of(arrays, name) for name in ("epoch", "rounds", "seconds")
        )
        if rounds >= self.rounds:
            raise ValueError("its rounds are not those of an epoch")
        self.standing = Standing(int(epoch), int(rounds), seconds)


def number_of(arrays: Mapping[str, npt.NDArray[Any]], name: str) -> float:
    """Return the number, 0 or more, that an array is; ValueError if it is missing or none."""
    if name not in arrays:
        raise ValueError(f"{name} is missing")
    number = float(arrays[name].reshape(()))
    if not math.isfinite(number) or number < 0:
        raise ValueError(f"{name} is no number")
    return number
