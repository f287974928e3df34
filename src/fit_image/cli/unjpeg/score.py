"""``fit-image unjpeg score``: gain of a network over JPEG."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fit_image.cli.common import options
from fit_image.cli.common.left_out import left_out, remark_lines, with_remarks
from fit_image.cli.common.picture_options import (
    check_effort,
    check_network,
    effort_option,
    quality_option,
)
from fit_image.cli.common.signals import Signals
from fit_image.cli.display.displays import ProgressStep, make_display
from fit_image.cli.unjpeg.model_argument import split_model
from fit_image.config.registry import SUBSAMPLINGS
from fit_image.errors import InputError, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fit_image.apps.unjpeg.scoring import Score
    from fit_image.images.fidelity import Fidelity
    from fit_image.images.formats.opening import Remark


@click.command("score", short_help="Measure the gain of a network.")
@click.argument("paths", metavar="[RUN] FOLDER", nargs=-1, type=click.Path(path_type=Path))
@quality_option(85, True, "JPEG quality.")
@click.option(
    "--subsampling",
    type=click.Choice(list(SUBSAMPLINGS)),
    default="4:2:0",
    show_default=True,
    help="Chroma subsampling.",
)
@effort_option
@options.threads_option("all cores")
@options.json_option
@options.quiet_option
@click.pass_obj
def command(
    signals: Signals,
    /,
    paths: tuple[Path, ...],
    quality: int,
    subsampling: str,
    effort: int,
    threads: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Compress clean pictures in FOLDER, restore them, and compare both with the originals.

    RUN is the folder of a training run, or a model file. Default: what `apply` does without one.
    Use pictures that were not in the training set. Where the program jpegqs is found, its results
    stand beside.
    """
    from fit_image.apps.unjpeg.directory import UnjpegDirectory
    from fit_image.apps.unjpeg.model import Restorer
    from fit_image.apps.unjpeg.patches.pictures import count_remarks, find_pictures
    from fit_image.apps.unjpeg.restoration import Restoration
    from fit_image.apps.unjpeg.scoring import score
    from fit_image.images.formats.jpeg import Compression

    signals.act_at_once()
    model, folder = split_model(paths, "FOLDER")
    check_network(model, UnjpegDirectory)
    check_effort(model, effort)
    shipped = Restoration.shipped(quality, effort)
    restoration = Restoration(Restorer.load(model)) if model else shipped
    restoration = replace(restoration, threads=threads)
    pictures, skipped = find_pictures(folder)
    compression = Compression(quality, subsampling)
    scores: list[Score] = []
    remarks: dict[Path, Sequence[Remark]] = {}
    with make_display(quiet) as display:
        for each in score(restoration, pictures, compression, remarks=remarks):
            scores.append(each)
            display.step(
                ProgressStep(len(scores) / len(pictures), (each.file.name, f"{each.gain:+.2f} dB"))
            )
    if not scores:
        raise InputError(f"{folder}: no picture in it can be read")
    scored = {each.file for each in scores}
    skipped += [file for file, _ in pictures if file not in scored]
    notes = left_out(skipped, folder) + remark_lines(count_remarks(remarks), folder)
    for line in notes:
        display.message(line)
    if as_json:
        facts = _facts(scores, len(skipped), folder)
        click.echo(json.dumps(with_remarks(facts, notes)))
    else:
        _print(scores, folder)


def _facts(scores: list[Score], skipped: int, folder: Path) -> dict[str, Any]:
    def finite(number: float) -> float | None:
        return round(number, 4) if math.isfinite(number) else None

    gains = [score.gain for score in scores if score.is_finite]
    return {
        "pictures": [
            {"file": str(score.file.relative_to(folder))}
            | {name: finite(getattr(score, name)) for name in ("jpeg", "restored", "gain")}
            for score in scores
        ],
        "skipped": skipped,
        "mean": {
            name: {measure: finite(number) for measure, number in means._asdict().items()}
            for name, means in _means(scores).items()
        },
        "mean_gain": finite(sum(gains) / len(gains)) if gains else None,
        "least_gain": finite(
            min((score.gain for score in scores if score.restored < math.inf), default=math.inf)
        ),
    }


def _print(scores: list[Score], folder: Path) -> None:
    names = [one_line(score.file.relative_to(folder)) for score in scores]
    width = max(len("mean"), *map(len, names))
    click.echo(f"{'':<{width}}     JPEG  restored    gain")
    rows: list[tuple[float, ...]] = [(each.jpeg, each.restored, each.gain) for each in scores]
    finite = [row for row, each in zip(rows, scores, strict=True) if each.is_finite]
    if finite:
        names.append("mean")
        rows.append(tuple(sum(each) / len(finite) for each in zip(*finite, strict=True)))
    for name, (jpeg, restored, gain) in zip(names, rows, strict=True):
        click.echo(f"{name:<{width}}  {jpeg:7.2f}   {restored:7.2f}  {gain:+6.2f} dB")
    summary = _means(scores)
    if summary:
        click.echo(f"\n{'mean':<10}  PSNR (RGB)  PSNR (luma)    SSIM  PSNR-B")
    for name, means in summary.items():
        luma = f"{means.luma_psnr:11.2f}  {means.ssim:6.4f}  {means.psnr_b:6.2f}"
        click.echo(f"{name:<10}  {means.psnr:10.2f}  {luma}")
    if len(finite) < len(scores):
        click.echo(f"{len(scores) - len(finite)} not in the mean: exact, as JPEG or restored")


def _means(scores: Sequence[Score]) -> dict[str, Fidelity]:
    """Return the mean measures of the pictures that are exact in no version."""
    from fit_image.apps.unjpeg.scoring import PEER
    from fit_image.images.fidelity import Fidelity

    finite = [each for each in scores if each.is_finite]
    versions: dict[str, list[Fidelity]] = {
        "JPEG": [each.before for each in finite],
        "restored": [each.after for each in finite],
        PEER: [each.peer for each in finite if each.peer],
    }
    return {
        name: Fidelity(*(sum(column) / len(found) for column in zip(*found, strict=True)))
        for name, found in versions.items()
        if found and len(found) == len(finite)
    }
