"""Successive halving: at some epochs, its rungs, the better part of the networks goes on.

Source: K. Jamieson and A. Talwalkar, "Non-stochastic best arm identification and hyperparameter
optimization", AISTATS 2016; rungs at powers of the factor as in L. Li et al., "Hyperband: a novel
bandit-based approach to hyperparameter optimization", JMLR 2018.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fit_image.apps.sweep.plan.trial import Trial
from fit_image.errors import InputError, some_of


@dataclass(frozen=True)
class Rungs:
    """The rungs of a number of networks.

    Attributes
    ----------
    epochs : tuple of int
        Where networks are compared, the end of the run last.
    networks : tuple of int
        How many reach each of them.
    """

    epochs: tuple[int, ...]
    networks: tuple[int, ...]

    @classmethod
    def of(cls, networks: int, epochs: int, factor: int, frame_every: int) -> Rungs:
        """Return the rungs of runs of so many epochs: as many as leave a network at the end.

        A rung is at the first epoch with a frame after a part of the run, 1 / factor of the next.
        """
        rungs, reaching = [epochs], [networks]
        part = factor
        while networks // part:
            rung = -(-epochs // (part * frame_every)) * frame_every
            if rung >= rungs[0]:
                break
            rungs.insert(0, rung)
            reaching.append(networks // part)
            part *= factor
        return cls(tuple(rungs), tuple(reaching))

    def expected_share(self, rung: int = 0) -> float:
        """Return the mean share of its epochs that a network trains that goes on to this rung."""
        expected, before = 0.0, 0
        for epoch, networks in zip(self.epochs[rung:], self.networks[rung:], strict=True):
            expected += (epoch - before) * networks / self.networks[rung]
            before = epoch
        return expected / self.epochs[-1]

    def __str__(self) -> str:
        first, *others = zip(self.networks, self.epochs, strict=True)
        steps = [f"{first[0]} networks to epoch {first[1]}"]
        return ", ".join([*steps, *(f"{count} to epoch {epoch}" for count, epoch in others)])


def rungs_of(trials: Sequence[Trial], factor: int) -> Rungs:
    """Return the rungs of the trials of one picture; those that differ in the seed are one network.

    Raises
    ------
    InputError
        If there are too few of them, or they do not reach the same epochs.
    """
    first = trials[0].manifest
    for name, values in (
        ("epochs", {trial.manifest.epochs for trial in trials}),
        ("frame_every", {trial.manifest.frame_every for trial in trials}),
    ):
        if len(values) > 1:
            problem = f"{name} must be one number for all, not {some_of(sorted(values), most=5)}"
            raise InputError(f"halving compares trials: {problem}", fields=("halving", name))
    if any(trial.manifest.fit.time_limit is not None for trial in trials):
        raise InputError(
            "halving and time_limit exclude each other: trials are compared after equal epochs",
            fields=("halving", "time_limit"),
        )
    networks = len({trial.with_seed(0).key for trial in trials})
    if networks < factor:
        raise InputError(
            f"halving {factor} needs at least {factor} networks for each picture, not {networks}",
            fields=("halving",),
        )
    rungs = Rungs.of(networks, first.epochs, factor, first.frame_every)
    if len(rungs.epochs) < 2:
        raise InputError(
            f"halving compares frames before the last one: epochs {first.epochs} with "
            f"frame_every {first.frame_every} has none",
            fields=("halving", "epochs", "frame_every"),
        )
    return rungs
