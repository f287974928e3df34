"""How long trials will take, before they run."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from fit_image.apps.sweep.plan.trial import Trial
from fit_image.apps.sweep.results.outcome import Outcome
from fit_image.encoding_spec import GridSpec, parse_encoding

# Seconds on one core of a server of 2023, a pixel and operation, and what else a pixel takes.
# Other machines differ; what is finished tells by how much.
_OPERATION = {"sample": 16e-12, "batch": 13e-12}
_PIXEL = 0.4e-6
_GRID_PIXEL = 0.6e-6
_DRAWN_OPERATION = 3.5e-12
_DRAWN_PIXEL = 0.2e-6


def expected_seconds(trial: Trial, factor: float = 1.0) -> float:
    """Return about how long a trial takes on one core, drawing included.

    Parameters
    ----------
    trial : Trial
    factor : float
        Times of this machine, as a share of those assumed; see `measured_factor`.
    """
    fit, picture = trial.manifest.fit, trial.manifest.picture
    training = factor * _training_seconds(trial)
    limit = fit.time_limit
    share = 1.0 if limit is None or training <= limit else limit / training
    frames = share * fit.epochs / trial.manifest.record.frame_every + 1
    pixels = picture.width * picture.height
    drawing = frames * pixels * (_DRAWN_PIXEL + _DRAWN_OPERATION * trial.work)
    return share * training + factor * drawing


def measured_factor(outcomes: Iterable[Outcome]) -> float:
    """Return how long finished trials took, as a share of what was expected; else 1."""
    factors = [
        row.seconds
        / row.epoch
        * outcome.trial.manifest.fit.epochs
        / _training_seconds(outcome.trial)
        for outcome in outcomes
        if outcome.status == "done"
        for row in outcome.rows
        if row.epoch == outcome.whole_epochs
    ]
    return statistics.median(factors) if factors else 1.0


def longest_first(trials: Sequence[Trial]) -> list[Trial]:
    """Return trials in the order that leaves the least idle time at the end."""
    return sorted(trials, key=expected_seconds, reverse=True)


def _training_seconds(trial: Trial) -> float:
    fit = trial.manifest.fit
    grid = isinstance(parse_encoding(fit.encoding), GridSpec)
    by_sample = fit.optimizer == "sgd" and fit.batch_size == 1
    operation = _OPERATION["sample" if by_sample else "batch"]
    return trial.samples * (_PIXEL + _GRID_PIXEL * grid + operation * trial.work)
