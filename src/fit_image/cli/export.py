"""``fit-image export``: a network as a page, a shader, or a network for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fit_image.cli.common import options
from fit_image.cli.common.picture_options import check_network, check_target, output_option
from fit_image.cli.common.signals import Signals
from fit_image.cli.display.displays import ProgressStep, make_display
from fit_image.config.registry import EXPORTS

if TYPE_CHECKING:
    from fit_image.apps.export.subject import Subject
    from fit_image.runs.directory import RunDirectory


@click.command("export")
@options.path_argument("RUN_OR_MODEL")
@output_option(
    "<RUN>.html",
    "File to write. Its suffix sets the format: .html, a page to zoom in; .glsl, a shader for "
    "shadertoy.com; .onnx, a graph for other programs; .safetensors or .py, weights and a module "
    "of PyTorch, both.",
)
@click.option(
    "--half",
    is_flag=True,
    help="Write the weights of a page in 16 bits instead of 32: half as large, and less exact.",
)
@options.quiet_option
@click.pass_obj
def command(signals: Signals, /, path: Path, output: Path | None, half: bool, quiet: bool) -> None:
    """Write a network as a page, a shader, or a network for other programs.

    RUN_OR_MODEL is the folder of a run, or a model.npz file, of a picture or of digits. What is
    written is compared with the network, also in Chromium where that is installed.
    """
    from fit_image.apps.digits.directory import DigitsDirectory
    from fit_image.apps.digits.model import DigitModel
    from fit_image.apps.export.subject import digits_subject, picture_subject
    from fit_image.apps.fit.directory import FitDirectory
    from fit_image.apps.painting_network import PaintingNetwork
    from fit_image.apps.run_kinds import kind_of

    signals.act_at_once()
    digits = kind_of(path) is DigitsDirectory
    kind = DigitsDirectory if digits else FitDirectory
    check_network(path, kind)
    name = path.resolve().name if path.is_dir() else path.stem
    output = output or Path(f"{name.removesuffix('-fit')}.html")
    folder, inputs = path if path.is_dir() else path.parent, []
    if not digits and FitDirectory.holds_run(folder):
        inputs = [Path(FitDirectory.open(folder).manifest.picture.path)]
    check_export(kind, path, output, *inputs, half=half)
    if digits:
        subject = digits_subject(DigitModel.load(path), output.stem)
    else:
        subject = picture_subject(PaintingNetwork.load(path), output.stem)
    export_network(subject, output, quiet, half=half)


def is_export(path: Path | None) -> bool:
    """Return whether a file by this name holds a network, and not a picture."""
    return path is not None and path.suffix.lower() in EXPORTS


def check_export(
    kind: type[RunDirectory], network: Path | None, output: Path, *inputs: Path, half: bool = False
) -> None:
    """Raise `InputError` unless a network can be written to ``output`` without loss.

    Parameters
    ----------
    kind : type
        Kind of folder that ``network`` may be.
    network : Path or None
        Folder of a run, or a model file.
    output : Path
    *inputs : Path
    half : bool
        Whether with 16 bits.
    """
    from fit_image.apps.export.registry import exporter_of, files_of

    exporter_of(output, half=half)
    for file in files_of(output):
        check_target(kind, network, file, *inputs)


def export_network(subject: Subject, output: Path, quiet: bool, *, half: bool = False) -> None:
    """Write a network, tell what was measured, and print the names of its files."""
    from fit_image.apps.export.registry import export, files_of

    with make_display(quiet) as display:
        display.step(ProgressStep(0.5, (f"writing and checking {output.name}",)))
        for line in export(subject, output, half=half):
            display.message(line)
    for file in files_of(output):
        click.echo(file)
