"""``fit-image IMAGE``: teach a network, record it, animate it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fit_image.cli import session
from fit_image.cli.configuration import animation_names, check_used, configuration
from fit_image.cli.display import make_display
from fit_image.cli.fit_options import fit_options
from fit_image.cli.headings import HeadedCommand
from fit_image.cli.signals import Signals
from fit_image.errors import InputError

if TYPE_CHECKING:
    from fit_image.apps.trainer import Trainer
    from fit_image.config import RecordConfig
    from fit_image.run import RunFolder


@click.command("fit", cls=HeadedCommand, short_help="Teach a network to paint IMAGE.")
@fit_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    image: Path,
    output: Path | None,
    threads: int | None,
    resume: bool,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> None:
    """Teach a network to paint IMAGE, record every epoch, and animate them."""
    if resume and overwrite:
        raise click.UsageError("--resume and --overwrite exclude each other.")
    display = make_display(quiet)
    signals: Signals = ctx.obj
    given["animations"] = animation_names(given["animations"])

    # Heavy imports come after the command line has been understood.
    from fit_image.animation import check_size
    from fit_image.apps.record import Recording, check_resumable
    from fit_image.apps.source import load_source
    from fit_image.apps.trainer import Trainer
    from fit_image.image import parse_background
    from fit_image.manifest import Manifest
    from fit_image.run import RunFolder

    output = output or Path(f"{image.stem}-fit")
    earlier = _earlier_run(output, image, resume, overwrite)
    decide, prepare, record = configuration(ctx, given, earlier)
    check_used(ctx, decide(1, 1))  # mistakes are found before the picture is read
    parse_background(prepare.background)
    _check_animations(output, image, record)

    signals.check()
    source = load_source(image, prepare)
    signals.check()
    height, width = source.image.levels.shape[:2]
    if source.image.scaled:
        original = "x".join(map(str, source.image.original_size))
        display.message(
            f"scaled from {original} to {width}x{height} to keep to --max-pixels "
            f"{prepare.max_pixels} ('none' keeps it whole)"
        )
    for name in record.animations:
        check_size(output / name, width, height, with_target=record.with_target)
    fit = decide(width, height)
    trainer = Trainer(source.image.levels, fit, threads=threads)
    if earlier:
        check_resumable(earlier, source, fit, prepare)
    session.compile_kernels(fit, display)

    run = earlier or RunFolder(
        output, Manifest(source.picture, fit, prepare, record, given["preset"])
    )
    signals.check()
    with run.locked(), display:
        if earlier:
            run = RunFolder.open(output)  # again, now that no other process can write
            recording = Recording.resume(run, source, trainer, prepare, record)
            display.message(_going_on(trainer))
        else:
            _check_replaced(output, image, overwrite)  # again, for the same reason
            recording = Recording.begin(run, trainer, source)
        result = session.train(recording, display, signals, image)
        del source, trainer, recording  # animating large pictures needs their memory
        session.animate(run, display, signals)
    if signals.received is not None:
        ctx.exit(128 + signals.received)

    display.message(session.describe(result))
    if as_json:
        summary = {
            "output": str(output),
            "ended": result.ended,
            "epochs": result.epochs,
            "psnr": result.psnr,
            "loss": result.loss,
            "parameters": result.parameters,
            "seconds": result.seconds,
            "width": width,
            "height": height,
        }
        click.echo(json.dumps(summary))
    else:
        click.echo(output)


def _earlier_run(output: Path, image: Path, resume: bool, overwrite: bool) -> RunFolder | None:
    from fit_image.run import RunFolder

    RunFolder.check_folder(output)
    if resume and RunFolder.holds_run(output):
        return RunFolder.open(output)
    _check_replaced(output, image, overwrite)
    return None


def _check_replaced(output: Path, image: Path, overwrite: bool) -> None:
    """Refuse to replace what the user has not offered, and the picture itself in any case."""
    from fit_image.run import RunFolder

    if overwrite or not RunFolder.holds_run(output):
        for file in RunFolder.replaced_by_run(output):
            if image.exists() and file.samefile(image):
                raise InputError(f"a run in {output} would replace {image}: choose another with -o")
    RunFolder.check_replaced(output, overwrite=overwrite)


def _check_animations(output: Path, image: Path, record: RecordConfig) -> None:
    """Refuse animations that cannot be written, or would replace something else."""
    from fit_image.animation import check_suffix
    from fit_image.atomic import check_destination
    from fit_image.run import RunFolder

    for name in record.animations:
        file = output / name
        check_suffix(file)
        if file.parent != output:
            check_destination(file)
        RunFolder.check_spared(output, file, image)


def _going_on(trainer: Trainer) -> str:
    if trainer.learned_epochs or trainer.progress.position:
        return f"going on from epoch {trainer.progress.epoch}"
    return "nothing learned yet: starting from the beginning"
