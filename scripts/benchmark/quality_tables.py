"""The tables of `benchmark.quality`'s report, in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from benchmark.large import GOAL_DB


def print_quality(report: dict[str, Any]) -> None:
    """Print the sections that were measured."""
    print(f"{report['threads']} threads for each")
    _table(
        ("peer", "rate", "pixels a step", "annealed", "omega or scale"),
        (
            (name, f"{each['rate']:g}", each["batch"] or "all", each["annealed"], each["frequency"])
            for name, each in report["recipes"].items()
        ),
    )
    for name, print_section in _SECTIONS.items():
        if report.get(name):
            print_section(report[name], report)


def _print_search(trials: list[dict[str, Any]], _: dict[str, Any]) -> None:
    rows = []
    for trial in trials:
        recipe = trial["recipe"]
        settings = (f"{recipe['rate']:g}", recipe["batch"], recipe["frequency"])
        rows.append((trial["name"], *settings, f"{trial['psnr']:.2f} dB"))
    _table(("searched", "rate", "pixels a step", "omega or scale", "PSNR"), rows)


def _print_instant(instant: dict[str, Any], _: dict[str, Any]) -> None:
    _table(
        ("instant", "a pixel and epoch", "PSNR after seconds of training (goal)"),
        (
            (row["picture"], f"{row['us']:.2f} us", ", ".join(map(_mark, row["marks"])))
            for row in instant["pictures"]
        ),
    )
    if instant["kodak_mean"] is not None:
        mean, goal = instant["kodak_mean"], instant["kodak_goal"]
        print(f"\nmean over the photographs: {mean:.2f} dB ({goal:g})")


def _mark(mark: dict[str, Any]) -> str:
    goal = f" ({mark['goal']:g})" if mark["goal"] else ""
    return f"{mark['seconds']} s: {mark['psnr']:.2f} dB{goal}"


def _print_speed(speed: dict[str, Any], _: dict[str, Any]) -> None:
    ours = "never" if speed["seconds"] is None else f"{speed['seconds']:.2f} s"
    rows = [("instant", ours, "")]
    for row in speed["peers"]:
        if row["seconds"] is None:
            limit = f"not in {speed['limit']:g} s ({row['psnr']:.1f} dB)"
            rows.append((row["peer"], limit, f"more than {row['ratio']:.0f}"))
        else:
            rows.append((row["peer"], f"{row['seconds']:.1f} s", f"{row['ratio']:.0f}"))
    _table((f"{speed['picture']} to {speed['goal']:g} dB", "training", "times as long"), rows)


def _print_grid(grid: dict[str, Any], _: dict[str, Any]) -> None:
    print(
        f"\nthe grid of 8 levels, {grid['picture']}: {grid['us']:.2f} us a pixel and epoch; "
        f"{grid['psnr']:.2f} dB after {grid['seconds']:.1f} s"
    )


def _print_sharp(sharp: list[dict[str, Any]], report: dict[str, Any]) -> None:
    names = list(sharp[0]["psnrs"])
    rows = []
    for row in sharp:
        psnrs = (f"{row['psnrs'][name]:.2f} dB" for name in names)
        rows.append((row["picture"], *psnrs, f"{row['lead']:+.2f} dB"))
    _table((f"after {report['seconds']:g} s", *names, "ahead of the best peer"), rows)


def _print_large(large: dict[str, Any], _: dict[str, Any]) -> None:
    reached, (width, height) = large["wall_seconds_to_goal"], large["size"]
    seconds, psnr = large["epochs"][-1]
    first = next((each for each in large["epochs"] if (each[1] or 0) >= GOAL_DB), None)
    training = f"{first[0]:.0f} s of training, " if first else ""
    wall = f"{reached:.0f} s in all" if reached else "not reached"
    _table(
        (f"{width}x{height}, instant, the whole program", ""),
        [
            (f"to {GOAL_DB:g} dB", f"{training}{wall}"),
            ("at the end", f"{psnr:.2f} dB, {seconds:.0f} s of training"),
            ("peak memory", f"{large['peak_bytes'] / 1e9:.2f} GB"),
            ("drawing it", f"{large['render_seconds']:.0f} s"),
            ("peak memory of drawing", f"{large['render_peak_bytes'] / 1e9:.2f} GB"),
        ],
    )


_SECTIONS: dict[str, Callable[[Any, dict[str, Any]], None]] = {
    "search": _print_search,
    "instant": _print_instant,
    "speed": _print_speed,
    "grid": _print_grid,
    "sharp": _print_sharp,
    "large": _print_large,
}


def _table(header: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> None:
    print(f"\n| {' | '.join(header)} |\n|{'---|' * len(header)}")
    for row in rows:
        print(f"| {' | '.join(map(str, row))} |")
