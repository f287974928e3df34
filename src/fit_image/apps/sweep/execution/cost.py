"""Estimates of training time."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from fit_image.apps.sweep.plan.trial import Trial
from fit_image.apps.sweep.results.outcome import Outcome
from fit_image.config.encoding_spec import GridSpec, parse_encoding

# Seconds per FLOP, and per pixel in addition, on one core of a server of 2023. `measured_factor`
# corrects them for other machines.
_TRAIN_FLOP = {"sample": 16e-12, "batch": 13e-12}
_TRAIN_PIXEL = 0.4e-6
_GRID_PIXEL = 0.6e-6
_RENDER_FLOP = 3.5e-12
_RENDER_PIXEL = 0.2e-6


def expected_seconds(trial: Trial, factor: float = 1.0) -> float:
    """Estimate the seconds of a trial on one core, rendering of frames included.

    ``factor`` is the time on this machine relative to the reference; see `measured_factor`.
    """
    fit = trial.manifest.fit
    training = factor * _training_seconds(trial)
    limit = fit.time_limit
    share = 1.0 if limit is None or training <= limit else limit / training
    frames = share * fit.epochs / trial.manifest.record.frame_every + 1
    rendering = frames * trial.pixels * (_RENDER_PIXEL + _RENDER_FLOP * trial.work)
    return share * training + factor * rendering


def measured_factor(outcomes: Iterable[Outcome]) -> float:
    """Return the median ratio of measured to estimated training time; 1 without finished trials."""
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
    """Return trials by falling expected time, so that no long one is left for the end."""
    return sorted(trials, key=expected_seconds, reverse=True)


def _training_seconds(trial: Trial) -> float:
    fit = trial.manifest.fit
    grid = isinstance(parse_encoding(fit.encoding), GridSpec)
    by_sample = fit.optimizer == "sgd" and fit.batch_size == 1
    flop = _TRAIN_FLOP["sample" if by_sample else "batch"]
    return trial.samples * (_TRAIN_PIXEL + _GRID_PIXEL * grid + flop * trial.work)
