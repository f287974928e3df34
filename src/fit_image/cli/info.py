"""``fit-image info``: what a run or a model file holds."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fit_image.cli import options
from fit_image.cli.display import format_duration
from fit_image.cli.signals import Signals
from fit_image.errors import one_line

if TYPE_CHECKING:
    from fit_image.recipe_folder import RecipeFolder


@click.command("info", short_help="Tell what a run or a model file holds.")
@options.path_argument("RUN_OR_MODEL")
@options.json_option
@click.pass_obj
def command(signals: Signals, /, path: Path, as_json: bool) -> None:
    """Tell what a run or a model file holds.

    RUN_OR_MODEL is the folder of a run, also of digits, an auto-encoder or unjpeg, or a model.npz
    file.
    """
    signals.act_at_once()
    facts = _facts(path)
    if as_json:
        click.echo(json.dumps(facts))
        return
    shown = [(name.replace("_", " "), _shown(name, value)) for name, value in facts.items()]
    width = max(len(name) for name, _ in shown)
    for name, text in shown:
        click.echo(f"{name:<{width}}  {one_line(text)}")


def _facts(path: Path) -> dict[str, Any]:
    from fit_image.apps.autoencode.folder import AutoencoderFolder
    from fit_image.apps.digits.folder import DigitFolder
    from fit_image.apps.unjpeg.folder import UnjpegFolder

    if not path.is_dir():
        return _model_facts(path)
    kinds: tuple[type[RecipeFolder[Any, Any]], ...] = (DigitFolder, AutoencoderFolder, UnjpegFolder)
    for kind in kinds:
        if kind.holds_run(path):
            return _recipe_facts(kind.open(path))
    return _run_facts(path)


def _recipe_facts(folder: RecipeFolder[Any, Any]) -> dict[str, Any]:
    from fit_image.frames import frame_paths
    from fit_image.strict_json import to_json

    facts: dict[str, Any] = {"run": str(folder.path), **asdict(folder.source)}
    facts["data"] = facts.pop("path")
    if "classes" in facts:
        facts["classes"] = ", ".join(facts["classes"])
    facts |= to_json(folder.recipe)
    # Where nothing was asked for, what it comes to.
    facts["learning_rate"] = getattr(folder.recipe, "rate", facts["learning_rate"])
    if "bottleneck" in facts:
        facts["bottleneck"] = folder.recipe.code_units
    facts |= asdict(folder.result) if folder.result else {}
    facts["epochs"] = folder.epochs
    rows = folder.metrics.read()
    facts["epochs_done"] = rows[-1].epoch if rows else 0
    if rows:
        facts |= {name: value for name, value in rows[-1].to_json().items() if name != "epoch"}
    facts["frames"] = len(frame_paths(folder.frames))
    return facts


def _digit_model_facts(path: Path) -> dict[str, Any]:
    from fit_image.apps.digits.model import DigitModel

    model = DigitModel.load(path)
    return {
        "model": str(path),
        "classes": ", ".join(model.names),
        "numbers": model.number_count,
        "width": model.width,
        "height": model.height,
        "channels": {1: "grey", 3: "rgb"}[model.channels],
        "latent": model.recipe.latent,
        "blocks": model.recipe.blocks,
        "units": model.recipe.units,
    }


def _autoencoder_model_facts(path: Path) -> dict[str, Any]:
    from fit_image.apps.autoencode.model import AutoencoderModel

    model = AutoencoderModel.load(path)
    return {
        "model": str(path),
        "kind": "convolutional" if model.recipe.conv else "fully connected",
        "hidden": list(model.recipe.hidden),
        "tied": model.recipe.tied,
        "code": model.network.code_size,
        "compression": round(model.compression, 3),
        "parameters": model.network.chain.num_params,
        "width": model.width,
        "height": model.height,
        "channels": model.channels,
    }


def _restorer_facts(path: Path) -> dict[str, Any]:
    from fit_image.apps.unjpeg.model import Restorer

    restorer = Restorer.load(path)
    return {
        "model": str(path),
        "kind": "unjpeg",
        "block": restorer.cutter.block,
        "hidden": list(restorer.widths),
        "difference": restorer.difference,
        "quality": restorer.quality,
        "parameters": restorer.parameter_count,
    }


def _model_facts(path: Path) -> dict[str, Any]:
    from fit_image.archive import is_archive
    from fit_image.components import CHANNELS
    from fit_image.model import PaintingNetwork
    from fit_image.notation import Hidden, format_layers

    if is_archive(path, "digits"):
        return _digit_model_facts(path)
    if is_archive(path, "autoencoder"):
        return _autoencoder_model_facts(path)
    if is_archive(path, "unjpeg"):
        return _restorer_facts(path)
    network = PaintingNetwork.load(path)
    return {
        "model": str(path),
        "layers": format_layers(
            tuple(
                Hidden(layer.fan_out, layer.activation, layer.skip) for layer in network.layers[:-1]
            )
        ),
        "output_activation": network.layers[-1].activation,
        "encoding": network.encoding_name,
        "parameters": network.num_params,
        "width": network.size[0],
        "height": network.size[1],
        "channels": next(name for name, count in CHANNELS.items() if count == network.channels),
    }


def _run_facts(path: Path) -> dict[str, Any]:
    from fit_image.frames import frame_paths
    from fit_image.run import RunFolder
    from fit_image.strict_json import to_json

    run = RunFolder.open(path)
    manifest, result = run.manifest, run.result
    rows = run.metrics.read()
    facts: dict[str, Any] = {"run": str(path), **asdict(manifest.picture)}
    facts["picture"] = facts.pop("path")
    facts["preset"] = manifest.preset
    facts |= to_json(manifest.fit)
    facts["loss_function"] = facts.pop("loss")  # beside what it has come to
    facts |= to_json(manifest.image)
    if result:
        facts |= asdict(result)
        facts["epochs"], facts["epochs_done"] = manifest.fit.epochs, result.epochs
    if rows:
        # The rows are newer than run.json while a run is under way, or when it was killed.
        facts["epochs_done"] = rows[-1].epoch
        facts["seconds"] = rows[-1].seconds
        facts["psnr"], facts["loss"] = run.metrics.newest_figures()
    facts["frames"] = len(frame_paths(run.frames))
    return facts


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
