"""Findings of a sweep as sentences that claim no more than its numbers support."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fit_image.apps.fit.metrics import FitMetrics
from fit_image.apps.sweep.results.halving import Contest, Network, mean_psnr
from fit_image.apps.sweep.results.outcome import Outcome
from fit_image.apps.sweep.results.seed_group import SeedGroup
from fit_image.errors import some_of

# Parameter counts within this relative distance of their centre count as equal.
_TOLERANCE = 0.01

_MAX_SIZES = 6

_MOST_NAMED = 6

# PSNRs that differ by less, in dB, count as equal.
_PSNR_RESOLUTION = 0.005


Psnr = Callable[[FitMetrics], float | None]
"""Which PSNR of an epoch is compared."""


@dataclass(frozen=True)
class Finding:
    """Answer to one question.

    Attributes
    ----------
    question : str
        Such as ``Equal epochs``.
    terms : str
        Terms of the comparison, such as ``after 40 epochs``; empty without one.
    text : str
        Answer in a sentence or two.
    winner : str
        Label of the best group; empty without a comparison.
    psnr : float or None
        Mean over the seeds of the best group, in dB; infinite for perfect copies.
    verdict : str
        ``clear`` if the lead exceeds the range over seeds, else ``too close to call``; ``one
        seed`` if there is no range; empty without a comparison.
    """

    question: str
    terms: str
    text: str
    winner: str = ""
    psnr: float | None = None
    verdict: str = ""


def findings(groups: Sequence[SeedGroup]) -> list[Finding]:
    """Return the best groups of one picture at equal epochs, equal time and equal parameters.

    Where pixels are held out, also the best on these at equal epochs. Only trials that are done
    count. Groups are compared by the mean over seeds of the PSNR of the last frame by then.
    Parameter counts within 1% of their centre are equal.
    """
    groups = [group for group in groups if any(outcome.drawn for outcome in group.done)]
    if not groups:
        return [Finding("Result", "", "No trial is done yet, so there is nothing to compare.")]
    if len(groups) == 1:
        text = f"Only {groups[0].label} has a trial that is done: there is nothing to compare."
        return [Finding("Result", "", text)]
    return [
        _equal_epochs("Equal epochs", groups),
        *_never_shown(groups),
        _equal_time(groups),
        *_equal_parameters(groups),
    ]


def halving_findings(contest: Contest, groups: Sequence[SeedGroup]) -> list[Finding]:
    """Return who went on and who was stopped at each rung of successive halving, and who is best.

    What the other findings compare follows, if there are networks left to compare.
    """
    labels = {outcome.trial.key: group.label for group in groups for outcome in group.outcomes}

    def describe(networks: Sequence[Network], epoch: int) -> str:
        named = [
            f"{labels[network[0].trial.key]} ({_format_psnr(mean_psnr(network, epoch))})"
            for network in networks
        ]
        return some_of(named, most=_MOST_NAMED)

    found = []
    for rung in contest.passed:
        kept, stopped = rung.ranking[: rung.kept], rung.ranking[rung.kept :]
        text = f"On: {describe(kept, rung.epoch)}. Stopped: {describe(stopped, rung.epoch)}."
        terms = f"{rung.kept} of {len(rung.ranking)} networks went on"
        found.append(Finding(f"Halving, epoch {rung.epoch:,}", terms, text))
    if not contest.late:
        last = contest.rungs.epochs[-1]
        best = max(contest.going, key=lambda network: mean_psnr(network, last))
        outcomes = [outcome for group in groups for outcome in group.outcomes]
        share = sum(each.work for each in outcomes) / sum(
            each.trial.work * each.trial.samples for each in outcomes
        )
        psnr, label = mean_psnr(best, last), labels[best[0].trial.key]
        text = (
            f"{label} has {_format_psnr(psnr)}. All {len(groups)} networks took {share:.0%} of the "
            "work of training them to their end."
        )
        found.append(Finding("Halving, the end", f"epoch {last:,}", text, label, psnr))
    if sum(bool(group.done) for group in groups) > 1:
        found += findings(groups)
    return found


def remarks(groups: Sequence[SeedGroup]) -> list[str]:
    """Return notes about trials that learned nothing, or are not done, and so do not count."""
    lines = []
    for group in groups:
        total = len(group.outcomes)
        if group.stalled:
            found = f"{len(group.stalled)} of {total} learned nothing: {group.stalled[0]}."
            lines.append(f"{group.label}: {found}")
        statuses = [outcome.status for outcome in group.outcomes]
        counts = Counter(each for each in statuses if each not in ("done", "stopped"))
        if not counts:
            continue
        parts = [f"{number} of {total} {status}" for status, number in sorted(counts.items())]
        line = f"{group.label}: {', '.join(parts)}; means are of trials that are done."
        messages = sorted(
            {each.message for each in group.outcomes if each.status in counts and each.message}
        )
        lines.append(" ".join([line, *messages]))
    return lines


def format_digits(number: float, digits: int = 3) -> str:
    """Format a number >= 0 with this many significant digits, but all before the point."""
    whole = number >= 10 ** (digits - 1)
    return f"{number:,.0f}" if whole else f"{number:#.{digits}g}".rstrip(".")


def _equal_epochs(
    question: str,
    groups: Sequence[SeedGroup],
    terms: str = "",
    psnr: Psnr = lambda row: row.psnr,
) -> Finding:
    epochs = min(outcome.whole_epochs for group in groups for outcome in group.drawn)
    if not epochs:
        which = f"networks {terms}" if terms else "networks"
        text = f"Not all {which} have learned a whole epoch: there is nothing to compare."
        return Finding(question, "", text)
    when = f"after {epochs:,} epoch{'s' if epochs != 1 else ''}"
    terms = f"{terms}, {when}" if terms else when
    return _compare(question, terms, groups, lambda _, row: row.epoch <= epochs, psnr)


def _never_shown(groups: Sequence[SeedGroup]) -> list[Finding]:
    """Return the best group on the pixels that were never shown, if there are such."""
    if groups[0].trial.manifest.fit.hold_out is None:
        return []
    return [_equal_epochs("Best on pixels never shown", groups, psnr=lambda row: row.unseen_psnr)]


def _equal_time(groups: Sequence[SeedGroup]) -> Finding:
    seconds = min(
        _seconds(outcome, outcome.drawn[-1]) for group in groups for outcome in group.drawn
    )
    terms = f"after {format_digits(seconds)} s of training"
    return _compare(
        "Equal time", terms, groups, lambda outcome, row: _seconds(outcome, row) <= seconds
    )


def _equal_parameters(groups: Sequence[SeedGroup]) -> list[Finding]:
    question = "Equal parameters"
    sizes = [size for size in _sizes(groups) if len(size) > 1]
    if not sizes:
        text = (
            "No two networks have the same number of parameters within 1%; a sweep with "
            "--match-params compares such networks."
        )
        return [Finding(question, "", text)]
    found = []
    for size in sizes[-_MAX_SIZES:]:
        least, most = size[0].trial.parameters, size[-1].trial.parameters
        count = f"{least:,}" if least == most else f"{least:,} to {most:,}"
        found.append(_equal_epochs(question, size, f"with {count} parameters"))
    return found


def _sizes(groups: Sequence[SeedGroup]) -> list[list[SeedGroup]]:
    """Return clusters of groups with equal parameter counts, in increasing order."""
    clusters: list[list[SeedGroup]] = []
    for group in sorted(groups, key=lambda group: group.trial.parameters):
        count = group.trial.parameters
        least = clusters[-1][0].trial.parameters if clusters else 0
        if clusters and count - least <= _TOLERANCE * (count + least):
            clusters[-1].append(group)
        else:
            clusters.append([group])
    return clusters


def _compare(
    question: str,
    terms: str,
    groups: Sequence[SeedGroup],
    by_then: Callable[[Outcome, FitMetrics], bool],
    psnr: Psnr = lambda row: row.psnr,
) -> Finding:
    psnrs: dict[str, list[float]] = {}
    late = []
    for group in groups:
        last = [
            _last_psnr([row for row in outcome.drawn if by_then(outcome, row)], psnr)
            for outcome in group.drawn
        ]
        values = [value for value in last if value is not None]
        if len(values) == len(last):
            psnrs[group.label] = values
        else:
            late.append(group.label)
    note = f" Without a picture by then: {', '.join(late)}." if late else ""
    if len(psnrs) < 2:
        text = f"Too few networks had drawn a picture {terms} to compare them.{note}"
        return Finding(question, "", text)
    means = {label: statistics.fmean(values) for label, values in psnrs.items()}
    first, second = sorted(means, key=lambda label: -means[label])[:2]
    lead, verdict = _lead(means, psnrs, first, second)
    return Finding(question, terms, f"{first} has {lead}.{note}", first, means[first], verdict)


def _format_psnr(psnr: float) -> str:
    if math.isfinite(psnr):
        return f"{psnr:.2f} dB"
    return "a perfect copy" if psnr > 0 else "not there"


def _lead(
    means: dict[str, float], psnrs: dict[str, list[float]], first: str, second: str
) -> tuple[str, str]:
    """Return the lead of the first over the second in words, and the verdict."""
    if math.isinf(means[first]):
        if math.isinf(means[second]):
            return f"a perfect copy, and so has {second}", "too close to call"
        return f"a perfect copy, {second} has {means[second]:.2f} dB", "clear"
    lead = means[first] - means[second]
    ahead = f"{lead:.2f} dB ahead of" if lead >= _PSNR_RESOLUTION else "level with"
    mean = f"{means[first]:.2f} dB, {ahead} {second}"
    if min(len(psnrs[first]), len(psnrs[second])) < 2:
        return f"{mean}; with one seed, how much of that is chance is not known", "one seed"
    spread = max(max(values) - min(values) for values in (psnrs[first], psnrs[second]))
    if lead < _PSNR_RESOLUTION:
        return f"{mean}; the seeds differ by {spread:.2f} dB", "too close to call"
    if lead > spread:
        return f"{mean}, more than the seeds differ ({spread:.2f} dB)", "clear"
    return f"{mean}, no more than the seeds differ ({spread:.2f} dB)", "too close to call"


def _last_psnr(rows: Sequence[FitMetrics], psnr: Psnr) -> float | None:
    return psnr(rows[-1]) if rows else None


def _seconds(outcome: Outcome, row: FitMetrics) -> float:
    """Return the training time of a row, without the overrun of a time limit."""
    limit = outcome.trial.manifest.fit.time_limit
    return row.seconds if limit is None else min(row.seconds, limit)
