"""``fit-image info``: what a run or a model file holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from fit_image.cli.common import options
from fit_image.cli.common.display import format_duration
from fit_image.cli.common.signals import Signals
from fit_image.errors import excerpt, one_line


@click.command("info")
@options.path_argument("RUN_OR_MODEL")
@options.json_option
@click.pass_obj
def command(signals: Signals, /, path: Path, as_json: bool) -> None:
    """Show what a run or a model file contains.

    RUN_OR_MODEL is the folder of a run, of any command that trains, or a model.npz file.
    """
    signals.act_at_once()
    facts = _facts(path)
    if as_json:
        click.echo(json.dumps(facts))
        return
    shown = [(name.replace("_", " "), _shown(name, value)) for name, value in facts.items()]
    width = max(len(name) for name, _ in shown)
    for name, text in shown:
        # The folder's or the file's own name is the user's; all else is the file's.
        own = name in ("run", "model")
        click.echo(f"{name:<{width}}  {one_line(text) if own else excerpt(text)}")


def _facts(path: Path) -> dict[str, Any]:
    from fit_image.apps.run_kinds import KINDS
    from fit_image.storage.npz import is_archive

    *others, last = KINDS
    if path.is_dir():
        kind = next((kind for kind in others if kind.holds_run(path)), last)
        return kind.open(path).describe()
    kind = next((kind for kind in others if is_archive(path, kind.model_kind)), last)
    return kind.describe_model(path)


def _shown(name: str, value: Any) -> str:
    if value is None or value == []:
        return "none"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if name.endswith("seconds"):
        return format_duration(value)
    if name == "psnr":
        return f"{value:.2f} dB"
    if name == "parameters":
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else str(value)
