"""Sentences of a sweep's report."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from fit_image.apps.fit.manifest import FitManifest, Picture
from fit_image.apps.fit.metrics import FitMetrics
from fit_image.apps.sweep.plan.trial import Trial
from fit_image.apps.sweep.results.outcome import Outcome
from fit_image.apps.sweep.results.seed_group import group_by_seed
from fit_image.apps.sweep.results.summary import findings, format_digits, remarks
from fit_image.config.fit import FitConfig, ImageConfig, RecordConfig

PICTURE = Picture("/pictures/cat.png", "0" * 64, 24, 16)


def outcome(layers, seed, *psnrs, pace=1.0, status="done", **options):
    """A trial with a picture an epoch, each ``pace`` seconds after the last."""
    fit = FitConfig(layers=layers, seed=seed, **options)
    trial = Trial(FitManifest(PICTURE, fit, ImageConfig(), RecordConfig()))
    rows = tuple(FitMetrics(n, 0.1, psnr, n * pace) for n, psnr in enumerate(psnrs, start=1))
    return Outcome(trial, status, rows)


def found(*outcomes):
    return {each.question: each for each in findings(group_by_seed(outcomes))}


def test_a_lead_larger_than_the_spread_over_seeds_is_clear():
    answers = found(
        outcome("1x8", 0, 15.0, 20.0),
        outcome("1x8", 1, 15.0, 20.2),
        outcome("2x8", 0, 16.0, 21.0),
        outcome("2x8", 1, 16.0, 21.3),
    )
    answer = answers["Equal epochs"]
    assert answer.terms == "after 2 epochs"
    text = "2x8 has 21.15 dB, 1.05 dB ahead of 1x8, more than the seeds differ (0.30 dB)."
    assert answer.text == text
    assert (answer.winner, answer.verdict) == ("2x8", "clear")
    assert answer.psnr == pytest.approx(21.15)


def test_a_lead_within_the_spread_over_seeds_is_no_lead():
    answers = found(
        outcome("1x8", 0, 20.0),
        outcome("1x8", 1, 21.0),
        outcome("2x8", 0, 21.0),
        outcome("2x8", 1, 21.2),
    )
    answer = answers["Equal epochs"]
    text = "2x8 has 21.10 dB, 0.60 dB ahead of 1x8, no more than the seeds differ (1.00 dB)."
    assert (answer.text, answer.verdict) == (text, "too close to call")


@pytest.mark.parametrize("second", [20.0, 20.004])
def test_equal_figures_are_called_level(second):
    answer = found(
        *(outcome(f"{n}x8", s, second if n > 1 else 20.0) for n in (1, 2) for s in (0, 1))
    )
    assert ", level with " in answer["Equal epochs"].text
    assert answer["Equal epochs"].verdict == "too close to call"


def test_one_seed_tells_nothing_about_chance():
    answer = found(outcome("1x8", 0, 20.0), outcome("2x8", 0, 25.0), outcome("2x8", 1, 25.0))
    text = (
        "2x8 has 25.00 dB, 5.00 dB ahead of 1x8; with one seed, how much of that is chance is "
        "not known."
    )
    assert answer["Equal epochs"].text == text
    assert answer["Equal epochs"].verdict == "one seed"


def test_equal_epochs_are_those_that_all_have_reached():
    answer = found(outcome("1x8", 0, 15.0, 18.0, 24.0), outcome("2x8", 0, 16.0, 19.0))
    assert answer["Equal epochs"].terms == "after 2 epochs"
    assert answer["Equal epochs"].winner == "2x8"


def test_an_epoch_cut_short_by_a_time_limit_is_not_compared_with_whole_ones():
    limited = {"time_limit": 2.0}
    answer = found(outcome("1x8", 0, 15.0, 30.0, **limited), outcome("2x8", 0, 16.0, 17.0, 18.0))
    assert answer["Equal epochs"].terms == "after 1 epoch"
    assert answer["Equal epochs"].winner == "2x8"


def test_equal_time_is_that_which_all_have_had():
    answer = found(
        outcome("1x8", 0, 15.0, 18.0, 20.0, 21.0, pace=1.0),
        outcome("2x8", 0, 16.0, 19.0, 22.0, 25.0, pace=2.5),
    )["Equal time"]
    assert answer.terms == "after 4.00 s of training"
    assert answer.text.startswith("1x8 has 21.00 dB, 5.00 dB ahead of 2x8;")


def test_a_time_limit_is_the_same_time_for_all_though_the_last_step_overruns_it():
    answer = found(
        outcome("1x8", 0, 15.0, 20.0, pace=1.501, time_limit=3.0),
        outcome("2x8", 0, 18.0, 24.0, pace=1.507, time_limit=3.0),
    )["Equal time"]
    assert answer.terms == "after 3.00 s of training"
    assert answer.text.startswith("2x8 has 24.00 dB, 4.00 dB ahead of 1x8;")


def test_an_only_epoch_cut_short_is_compared_by_time_alone():
    limited = {"pace": 2.1, "time_limit": 2.0}
    answers = found(outcome("1x8", 0, 15.0, **limited), outcome("2x8", 0, 16.0, **limited))
    assert not answers["Equal epochs"].winner
    assert answers["Equal time"].winner == "2x8"


def test_the_best_on_pixels_never_seen_may_be_another():
    def trial(layers, *figures):
        made = outcome(layers, 0, *(psnr for psnr, _ in figures), hold_out="even")
        pairs = zip(made.rows, figures, strict=True)
        return replace(made, rows=tuple(replace(row, unseen_psnr=each[1]) for row, each in pairs))

    answers = found(
        trial("1x8", (20.0, 19.0), (24.0, 23.5)), trial("2x8", (25.0, 21.0), (30.0, 20.0))
    )
    assert answers["Equal epochs"].winner == "2x8"
    answer = answers["Best on pixels never shown"]
    assert (answer.winner, answer.psnr, answer.terms) == ("1x8", 23.5, "after 2 epochs")
    assert answer.text.startswith("1x8 has 23.50 dB, 3.50 dB ahead of 2x8;")
    assert "Best on pixels never shown" not in found(outcome("1x8", 0, 9.0), outcome("2x8", 0, 8.0))


def test_a_network_that_learned_nothing_is_named():
    stalled = replace(outcome("1x8", 0, 9.0), stalled="units died; try --lr 0.01")
    lines = remarks(group_by_seed([stalled, outcome("2x8", 0, 20.0)]))
    assert lines == ["1x8: 1 of 1 learned nothing: units died; try --lr 0.01."]


def test_a_network_without_a_picture_by_then_is_named():
    answer = found(
        outcome("1x8", 0, 15.0), outcome("2x8", 0, 16.0), outcome("9x99", 0, 22.0, pace=10.0)
    )["Equal time"]
    assert answer.winner == "2x8"
    assert answer.text.endswith("Without a picture by then: 9x99.")


def test_equal_parameters_are_within_one_percent_of_their_middle():
    # 3n + n + 3n + 3 = 6n + 3 parameters with one layer.
    same = [outcome(f"1x{n}", 0, 20.0 + n / 1000) for n in (1000, 1010, 1020)]
    answers = findings(group_by_seed([*same, outcome("1x1021", 0, 30.0), outcome("1x5", 0, 9.0)]))
    (answer,) = (each for each in answers if each.question == "Equal parameters")
    assert answer.terms == "with 6,003 to 6,123 parameters, after 1 epoch"
    assert answer.winner == "1x1020"


def test_without_equal_parameters_there_is_advice():
    answer = found(outcome("1x8", 0, 20.0), outcome("2x8", 0, 21.0))["Equal parameters"]
    assert "--match-params" in answer.text
    assert not answer.winner


def test_perfect_copies():
    answers = found(outcome("1x8", 0, 20.0), outcome("2x8", 0, math.inf))
    assert answers["Equal epochs"].text == "2x8 has a perfect copy, 1x8 has 20.00 dB."
    answers = found(outcome("1x8", 0, math.inf), outcome("2x8", 0, math.inf))
    assert answers["Equal epochs"].text == "1x8 has a perfect copy, and so has 2x8."
    assert answers["Equal epochs"].verdict == "too close to call"


def test_what_is_not_done_does_not_count():
    outcomes = [
        outcome("1x8", 0, 20.0),
        outcome("1x8", 1, 90.0, status="diverged"),
        outcome("2x8", 0, 21.0),
        outcome("4x8", 0, 50.0, status="interrupted"),
        outcome("4x8", 1, status="waiting"),
    ]
    groups = group_by_seed(outcomes)
    assert findings(groups)[0].text.startswith("2x8 has 21.00 dB, 1.00 dB ahead of 1x8;")
    assert remarks(groups) == [
        "1x8: 1 of 2 diverged; means are of trials that are done.",
        "4x8: 1 of 2 interrupted, 1 of 2 waiting; means are of trials that are done.",
    ]


@pytest.mark.parametrize(
    ("outcomes", "text"),
    [
        ([outcome("1x8", 0, status="waiting")], "No trial is done yet"),
        ([outcome("1x8", 0, 20.0)], "Only 1x8 has a trial that is done"),
    ],
)
def test_nothing_to_compare(outcomes, text):
    (answer,) = findings(group_by_seed(outcomes))
    assert answer.text.startswith(text)
    assert not answer.winner


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.01234, "0.0123"), (2, "2.00"), (99.96, "100"), (999.6, "1,000"), (12345, "12,345")],
)
def test_brief(number, text):
    assert format_digits(number) == text
