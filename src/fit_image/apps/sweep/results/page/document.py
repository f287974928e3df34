"""The page as a whole: the template, filled with its parts and data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from fit_image.apps.report import document
from fit_image.apps.report.markup import element, join
from fit_image.apps.sweep.results.page import parts
from fit_image.apps.sweep.results.page.section import Section


def render(sections: Sequence[Section], max_curves: int) -> str:
    """Return the page of a sweep's pictures.

    Parameters
    ----------
    max_curves : int
        Maximum number of commands of a picture, as of curves.
    """
    groups = [group for section in sections for group in section.groups]
    outcomes = [outcome for section in sections for outcome in section.outcomes]
    networks = len({replace(group.trial.manifest.fit, seed=0) for group in groups})
    facts = (
        _count(len(outcomes), "trial"),
        _range([len(group.outcomes) for group in groups], "seed"),
        _range([group.trial.parameters for group in groups], "parameter"),
        _range([outcome.epochs for outcome in outcomes if outcome.epochs], "epoch"),
    )
    names = ", ".join(dict.fromkeys(section.name for section in sections))
    values = {
        "names": names,
        "networks": _count(networks, "network"),
        "facts": join(*(element("span", fact) for fact in facts)),
        "choices": parts.choices(sections),
        "summary": parts.for_each(sections, parts.summary),
        "pixel_choice": parts.pixel_choice(sections),
        "drawn": _drawn(sections),
        "figures": parts.for_each(sections, parts.figures),
        "pictures": parts.for_each(sections, parts.pictures),
        "commands": parts.for_each(sections, partial(parts.commands, most=max_curves)),
    }
    title = f"{names}: {_count(len(outcomes), 'trial')} of fit-image"
    data = [section.for_script() for section in sections]
    return document.render("fit_image.apps.sweep.results.page", title, values, data)


def _drawn(sections: Sequence[Section]) -> str:
    curves = [len(each.curves) for each in sections if len(each.ranked) > len(each.curves)]
    return f"Only the best {curves[0]} networks are drawn." if curves else ""


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _range(counts: Sequence[int], noun: str) -> str:
    """Format a range of counts, such as ``1 seed`` or ``1,803 to 2,643 parameters``."""
    least, most = min(counts), max(counts)
    return f"{least:,} to {_count(most, noun)}" if most > least else _count(most, noun)
