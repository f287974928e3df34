"""The tables of networks and of trials, which the page's script sorts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fit_image.apps.bits_per_pixel import format_bits
from fit_image.apps.hidden_layers import describe_silent
from fit_image.apps.report.markup import Html, element, join
from fit_image.apps.sweep.plan.trial import Trial
from fit_image.apps.sweep.results.outcome import LEVELS, Outcome
from fit_image.apps.sweep.results.page.section import Section
from fit_image.apps.sweep.results.seed_group import Statistics
from fit_image.apps.sweep.results.summary import format_digits

_NOTHING = "\N{EN DASH}"

_SIZE = ("Parameters", "Bits a pixel")

_TIMES = [f"s to {level} dB" for level in LEVELS]


def groups_table(section: Section) -> Html:
    """Return the table of networks, the best first."""
    head = [
        _header("Network", "text"),
        _header("Final PSNR", sort="descending"),
        *map(_header, ("Best PSNR", *_unseen_head(section), *_SIZE, "Epochs", "Seconds")),
        *map(_header, (*_TIMES, "Silent", "Seeds")),
        _header("Status", "text"),
        *([_header("Learned nothing")] if section.has_stalled else []),
    ]
    rows = (_group_row(section, index) for index in section.order)
    return _table("groups", "Networks", head, rows)


def trials_table(section: Section) -> Html:
    """Return the table of all trials, in the sweep's order."""
    numbers = ("Seed", "Final PSNR", "Best PSNR", *_unseen_head(section), *_SIZE)
    head = [_header("Network", "text"), *map(_header, numbers)]
    head += map(_header, ("Epochs", "Seconds", *_TIMES, "Silent"))
    head.append(_header("Status", "text"))
    if section.has_stalled:
        head.append(_header("Learned nothing", "text"))
    rows = (
        _trial_row(section, outcome, style)
        for group, style in zip(section.groups, section.styles, strict=True)
        for outcome in group.outcomes
    )
    return _table("trials", "Trials", head, rows)


def swatch(style: Mapping[str, Any]) -> Html:
    """Return the line of a network in its colour and dashes, as in the chart."""
    return element(
        "svg",
        element("path", d="M1 5H27"),
        class_=f"swatch {style['dash']}",
        style=f"stroke:var(--series-{style['colour']})",
        viewBox="0 0 28 10",
        aria_hidden="true",
    )


def scroll(label: str, content: Html) -> Html:
    """Return a part that scrolls by itself, with the keyboard too."""
    return element("div", content, class_="scroll", role="region", aria_label=label, tabindex=0)


def _table(kind: str, label: str, head: Iterable[Html], rows: Iterable[Html]) -> Html:
    top = element("thead", element("tr", *head))
    return scroll(label, element("table", top, element("tbody", *rows), class_=kind))


def _header(text: str, kind: str = "number", sort: str = "none") -> Html:
    button = element("button", text, type="button")
    return element("th", button, scope="col", class_=kind, aria_sort=sort)


def _name(style: Mapping[str, Any]) -> Html:
    label = style["label"]
    name = element("span", swatch(style), element("span", label), class_="name")
    return element("th", name, scope="row", data_value=label)


def _group_row(section: Section, index: int) -> Html:
    group = section.groups[index]

    def spread(name: str, form: Callable[[float], str], digits: int | None = None) -> Html:
        return _spread(group.statistics(name), form, digits)

    done, stalled, asked = len(group.compared), len(group.stalled), len(group.outcomes)
    status = group.status
    if group.stopped_at:
        status += f" at epoch {group.stopped_at} of {group.trial.manifest.epochs}"
    return element(
        "tr",
        _name(section.styles[index]),
        spread("psnr", _decibels),
        spread("best_psnr", _decibels),
        *([spread("unseen_psnr", _decibels)] if section.held_out else []),
        *_size(group.trial),
        spread("epochs_learned", _count),
        spread("seconds", format_digits, 2),
        *(spread(f"seconds_to_{level}", format_digits, 2) for level in LEVELS),
        spread("never_answer", _count),
        _number(done, str(done) if done == asked else f"{done} of {asked}"),
        element("td", status, data_value=status),
        *([_number(stalled, f"{stalled} of {asked}")] if section.has_stalled else []),
    )


def _trial_row(section: Section, outcome: Outcome, style: Mapping[str, Any]) -> Html:
    status = ": ".join(filter(None, (outcome.status, outcome.message)))
    stalled = outcome.stalled or _NOTHING
    return element(
        "tr",
        _name(style),
        _number(outcome.trial.seed),
        _psnr(outcome.psnr),
        _psnr(outcome.best_psnr),
        *([_psnr(outcome.unseen_psnr)] if section.held_out else []),
        *_size(outcome.trial),
        _number(outcome.epochs, f"{outcome.epochs:,}"),
        _seconds(outcome.seconds),
        *(_seconds(outcome.seconds_to(level)) for level in LEVELS),
        _silent(outcome),
        element("td", status, data_value=outcome.status),
        *([element("td", stalled, data_value=stalled)] if section.has_stalled else []),
    )


def _unseen_head(section: Section) -> list[str]:
    return ["Unseen PSNR"] if section.held_out else []


def _size(trial: Trial) -> tuple[Html, Html]:
    """Return the cells of `_SIZE`."""
    bits = trial.bits_per_pixel
    largest = max(bits.values())
    return _number(trial.parameters, f"{trial.parameters:,}"), _number(largest, format_bits(bits))


def _number(value: float | None, text: str = "", title: str | None = None) -> Html:
    shown = _NOTHING if value is None else text or value
    return element("td", shown, class_="number", data_value=value, title=title)


def _psnr(value: float | None) -> Html:
    text = "" if value is None else "exact" if value == math.inf else _decibels(value)
    return _number(value, text)


def _seconds(value: float | None) -> Html:
    return _number(value, "" if value is None else format_digits(value))


def _silent(outcome: Outcome) -> Html:
    if not outcome.silent:
        return _number(None)
    units = sum(each["units"] for each in outcome.silent)
    text = f"{outcome.never_answer} of {units}"
    return _number(outcome.never_answer, text, describe_silent(outcome.silent))


def _spread(
    figure: Statistics | None, form: Callable[[float], str], digits: int | None = None
) -> Html:
    """Return mean and deviation; the deviation in ``digits`` digits, or in the same form."""
    if not figure:
        return _number(None)
    if not figure.deviation:
        deviation = Html("")
    else:
        text = form(figure.deviation) if digits is None else format_digits(figure.deviation, digits)
        deviation = join(" ", element("small", f"± {text}"))
    return element("td", form(figure.mean), deviation, class_="number", data_value=figure.mean)


def _decibels(value: float) -> str:
    return f"{value:.2f}"


def _count(value: float) -> str:
    return f"{round(value, 1):,.10g}"
