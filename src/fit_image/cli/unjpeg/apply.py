"""``fit-image unjpeg apply``: restoration of pictures."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fit_image.cli.common import options
from fit_image.cli.common.left_out import with_remarks
from fit_image.cli.common.picture_files import (
    STREAM,
    LeftOut,
    input_file,
    make_parent,
    output_file,
    picture_jobs,
    written,
)
from fit_image.cli.common.picture_options import (
    check_distinct,
    check_effort,
    check_network,
    check_target,
    effort_option,
    output_option,
    quality_option,
)
from fit_image.cli.common.signals import Signals
from fit_image.cli.display.compilation import announcing_compilation
from fit_image.cli.display.displays import Display, ProgressStep, make_display
from fit_image.cli.unjpeg.model_argument import split_pictures
from fit_image.errors import InputError

if TYPE_CHECKING:
    from fit_image.apps.unjpeg.restoration import Restoration
    from fit_image.apps.unjpeg.restoring import DamagedPicture

Words = tuple[str, ...]

_DEFAULT_QUALITY = 85
"""Assumed for pictures that are not JPEG files, but may have been."""


@click.command("apply", short_help="Restore pictures.")
@click.argument("paths", metavar="[RUN] PICTURE...", nargs=-1, type=click.Path(path_type=Path))
@output_option(
    "<PICTURE>-restored.png",
    "Restored picture to write, whose suffix sets the format, or a folder for several.",
    "FILE|DIR",
)
@click.option(
    "--compare",
    type=click.Path(path_type=Path),
    metavar="FILE",
    show_default="none",
    help="Picture to write with the input and the restored picture side by side.",
)
@quality_option(
    None,
    "85",
    "JPEG quality that a picture had which is no JPEG file any more.",
)
@click.option(
    "--strength",
    type=options.Real(0, 1),
    metavar="X",
    default=1.0,
    show_default=True,
    help="Strength of the restoration, 0 (none) to 1 (full).",
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
    output: Path | None,
    compare: Path | None,
    quality: int | None,
    strength: float,
    effort: int,
    threads: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Remove JPEG artefacts from PICTURE, from several, or from all in a folder.

    RUN is the folder of a training run, or a model file. Default: filters, and a network that comes
    with fit-image. A picture that is no JPEG, and shows no traces of one,
    is left as it is unless --quality is given. EXIF and XMP data, comment, colour profile,
    resolution and transparency are kept. As PICTURE and FILE, - is standard input and
    output. Damaged pictures among several are left out, and the exit code is 1.
    """
    signals.act_at_once()
    model, pictures = split_pictures(paths)
    if model and quality is not None:
        raise click.UsageError("--quality is for the network of fit-image: it excludes RUN.")
    check_effort(model, effort)
    several = len(pictures) > 1 or pictures[0].is_dir()
    if several and compare:
        raise click.UsageError("--compare is for one picture.")
    jobs = picture_jobs(pictures, output, "restored")
    check_distinct(jobs[0].target, compare, "--compare")
    comparison = output_file(compare) if compare else None
    restoration = _Restoration(model, quality, strength, effort, threads, comparison)
    restoration.check([job.target for job in jobs], () if several else pictures)
    facts: list[dict[str, Any]] = []
    with make_display(quiet) as display:
        left_out = LeftOut(display)
        for index, job in enumerate(jobs):
            source, target = job.source, job.target
            # Files of other names count as soon as they turn out to be pictures.
            before = len(facts) + len(left_out.reasons)
            count = before + 1 + sum(each.is_picture for each in jobs[index + 1 :])
            words = (f"picture {before + 1}/{count}",) * several + (source.name,)

            def show(done: int, total: int, index: int = index, words: Words = words) -> None:
                display.step(ProgressStep((index + done / total) / len(jobs), words))

            file = output_file(target)
            try:
                with announcing_compilation(display):
                    width, height, remarks = restoration.apply(source, file, display, show)
            except InputError as error:
                if not several:
                    raise
                left_out.add(job, error)
                continue
            each = {"output": str(target), "width": width, "height": height}
            facts.append(with_remarks(each, remarks))
            if target == STREAM or not as_json:
                written(target, file)
    if compare and comparison and (compare == STREAM or not as_json):
        written(compare, comparison)
    if as_json:
        reasons = {str(path): reason for path, reason in left_out.reasons.items()}
        result = {"pictures": facts, "left_out": reasons} if several else facts[0]
        click.echo(json.dumps(result), err=STREAM in (output, compare))
    left_out.finish(len(facts) + len(left_out.reasons))


@dataclass(frozen=True)
class _Restoration:
    """The network that restores pictures, and how."""

    model: Path | None
    quality: int | None
    strength: float
    effort: int
    threads: int | None
    compare: Path | None
    _loaded: list[Restoration] = field(default_factory=list)

    def check(self, targets: Sequence[Path], inputs: Sequence[Path]) -> None:
        """Raise `InputError` if the network is of another kind, or a file cannot be written."""
        from fit_image.apps.unjpeg.directory import UnjpegDirectory
        from fit_image.images.io import check_image_suffix

        check_network(self.model, UnjpegDirectory)
        for target in (*targets, *([self.compare] if self.compare else [])):
            if target != STREAM:
                check_image_suffix(target)
                if target.parent.is_dir() or inputs:  # else it will be made
                    check_target(UnjpegDirectory, self.model, target, *inputs)

    def restoration(self, damaged: DamagedPicture) -> Restoration:
        """Return how a picture is to be restored."""
        from fit_image.apps.unjpeg.model import Restorer
        from fit_image.apps.unjpeg.restoration import Restoration

        if not self._loaded:
            shipped = Restoration.shipped(effort=self.effort)
            loaded = Restoration(Restorer.load(self.model)) if self.model else shipped
            self._loaded.append(replace(loaded, strength=self.strength, threads=self.threads))
        quality = self.quality or damaged.quality or _DEFAULT_QUALITY
        return replace(self._loaded[0], quality=quality)

    def apply(
        self, source: Path, output: Path, display: Display, on_rows: Callable[[int, int], None]
    ) -> tuple[int, int, tuple[str, ...]]:
        """Restore a picture, and return its width and height, and remarks, which are shown."""
        from fit_image.apps.unjpeg.restoring import (
            check_restored,
            check_side_by_side,
            read_picture,
            restore,
            save_restored,
            side_by_side,
        )
        from fit_image.images.io import save_image

        with input_file(source) as file:
            damaged = read_picture(file)
        restoration = self.restoration(damaged)
        check_restored(damaged, output)
        if self.compare:
            check_side_by_side(damaged, self.compare)
        remarks = damaged.remarks
        untouched = not (self.model or self.quality or damaged.is_restorable())
        if remark := _remark(damaged, self.model, self.quality, untouched=untouched):
            remarks = (*remarks, remark)
        for text in remarks:
            display.message(f"{source}: {text}")
        restored = damaged.pixels
        if not untouched:
            restored = restore(damaged, restoration, on_rows=on_rows)
        make_parent(output)
        size = save_restored(output, damaged, restored)
        if self.compare:
            save_image(self.compare, side_by_side(damaged, restored))
        return *size, remarks


def _remark(
    damaged: DamagedPicture,
    model: Path | None,
    quality: int | None,
    *,
    untouched: bool,
) -> str | None:
    """Return a line about a picture unlike those that the network was trained on, if known."""
    if untouched and damaged.quality is None:
        return "it shows no traces of JPEG and is left as it is; --quality N restores it"
    if damaged.jpeg is not None and quality is not None:
        return "it is a JPEG file, whose own tables count, and --quality does not"
    if damaged.quality is None:
        changed = "it is not a JPEG file, and is changed as if it had been"
        if model:
            return changed
        return f"{changed} one of quality {quality or f'{_DEFAULT_QUALITY} (--quality)'}"
    known = _run_subsampling(model) if model and damaged.subsampling else None
    if known and known != damaged.subsampling:
        return (
            f"it has {damaged.subsampling} chroma subsampling, but {model} was trained on {known}: "
            "it may get worse"
        )
    return None


def _run_subsampling(model: Path) -> str | None:
    """Return the chroma subsampling that a network was trained on, if it is in its run's folder."""
    from fit_image.apps.unjpeg.directory import UnjpegDirectory

    folder = model if model.is_dir() else model.parent
    if not UnjpegDirectory.holds_run(folder):
        return None
    return UnjpegDirectory.open(folder).manifest.config.subsampling
