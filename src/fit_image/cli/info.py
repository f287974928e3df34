"""``fit-image info``: what a run or a model file holds."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fit_image.cli.common import options
from fit_image.cli.common.signals import Signals
from fit_image.cli.common.texts import format_duration
from fit_image.cli.display.compilation import announcing_compilation
from fit_image.cli.display.displays import make_display
from fit_image.errors import excerpt, one_line

if TYPE_CHECKING:
    from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
    from fit_image.apps.sweep.results.outcome import Outcome


@click.command("info")
@options.path_argument("RUN_OR_MODEL")
@options.json_option
@click.pass_obj
def command(signals: Signals, /, path: Path, as_json: bool) -> None:
    """Show what a run or a model file contains.

    RUN_OR_MODEL is the folder of a run, of any command that trains, or of a sweep, or a model.npz
    file.
    """
    signals.act_at_once()
    # The units of a network are counted with kernels that may not be compiled yet.
    with make_display(quiet=False) as display, announcing_compilation(display):
        facts = _facts(path)
    if as_json:
        click.echo(json.dumps(facts))
        return
    shown = [(name.replace("_", " "), _shown(name, value)) for name, value in facts.items()]
    width = max(len(name) for name, _ in shown)
    for name, text in shown:
        # The folder's or the file's own name is the user's, the units are counted here; all else is
        # the file's.
        own = name in ("run", "model", "never answer")
        click.echo(f"{name:<{width}}  {one_line(text) if own else excerpt(text)}")


def _facts(path: Path) -> dict[str, Any]:
    from fit_image.apps.run_kinds import KINDS, check_kind, kind_of
    from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory

    if SweepDirectory.holds_sweep(path):
        return _facts_of_sweep(SweepDirectory.open(path))
    kind = kind_of(path)
    if kind is None:
        check_kind(path, KINDS[-1])
        kind = KINDS[-1]
    if path.is_dir() and (kind.holds_run(path) or not (path / "model.npz").exists()):
        return kind.open(path).describe()
    return kind.describe_model(path)


def _facts_of_sweep(folder: SweepDirectory) -> dict[str, Any]:
    from fit_image.apps.sweep.results.outcome import count_stalled, read_outcomes
    from fit_image.apps.sweep.results.seed_group import trial_labels

    outcomes = read_outcomes(folder)
    pictures = [trial.manifest.picture.path for trial in folder.trials]
    drawn = [outcome for outcome in outcomes if outcome.best_psnr is not None]
    facts: dict[str, Any] = {
        "sweep": str(folder.path),
        "pictures": [*dict.fromkeys(pictures)],
        "trials": len(outcomes),
        **Counter(outcome.status for outcome in outcomes),
        **count_stalled(outcomes),
    }
    if drawn:
        best = max(drawn, key=lambda outcome: outcome.best_psnr or 0.0)
        psnr = best.best_psnr or 0.0
        facts["best"] = trial_labels(folder.trials)[best.trial.key]
        facts["best_psnr"] = psnr if math.isfinite(psnr) else None
        facts["best_parameters"] = best.trial.parameters
        facts |= {f"best_{name}": bits for name, bits in best.trial.bits_per_pixel.items()}
        facts["best_run"] = str(folder.run_path(best.trial))
        facts |= _best_on_unseen(drawn, folder)
    return facts


def _best_on_unseen(drawn: Sequence[Outcome], folder: SweepDirectory) -> dict[str, Any]:
    """Return the best trial on pixels that were never shown, if some were."""
    from fit_image.apps.sweep.results.seed_group import trial_labels

    measured = [outcome for outcome in drawn if outcome.best_unseen_psnr is not None]
    if not measured:
        return {}
    best = max(measured, key=lambda outcome: outcome.best_unseen_psnr or 0.0)
    psnr = best.best_unseen_psnr or 0.0
    return {
        "best_on_pixels_never_shown": trial_labels(folder.trials)[best.trial.key],
        "best_unseen_psnr": psnr if math.isfinite(psnr) else None,
    }


def _shown(name: str, value: Any) -> str:
    if name == "never_answer":
        from fit_image.apps.hidden_layers import describe_silent

        return "unknown" if value is None else describe_silent(value) or "none"
    if value is None or value == []:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if name.endswith("seconds"):
        return format_duration(value)
    if name.endswith("psnr") and isinstance(value, float):
        return f"{value:.2f} dB"
    if name.endswith("parameters"):
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else str(value)
