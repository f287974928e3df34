"""Drawing of pictures and animations, with progress."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fit_image.cli.common.texts import describe_animation
from fit_image.cli.display.displays import Display, ProgressStep

if TYPE_CHECKING:
    import numpy.typing as npt

    from fit_image.images.io import Canvas


def draw_strips(
    canvas: Canvas, strips: Iterable[tuple[int, npt.NDArray[Any]]], display: Display
) -> None:
    """Paste the strips of a picture, each with its first row, as they are drawn."""
    width, height = canvas.image.size
    for top, strip in strips:
        canvas.paste(top, strip)
        display.step(ProgressStep((top + len(strip)) / height, (f"drawing {width}x{height}",)))


def showing_frames(display: Display, file: Path) -> Callable[[int, int], None]:
    """Return a callback that shows how many frames of an animation are done."""

    def show(done: int, total: int) -> None:
        display.step(ProgressStep(done / total, (f"making {file.name}", f"frame {done}/{total}")))

    return show


def animate_loop(
    file: Path,
    pictures: Iterable[npt.NDArray[Any]],
    count: int,
    display: Display,
    *,
    fps: float,
) -> None:
    """Draw ``count`` pictures one by one, and make an animation of them that loops."""
    import tempfile

    from fit_image.animation.film import frame_path
    from fit_image.animation.writers import write_animation
    from fit_image.images.io import encode_png
    from fit_image.storage.atomic import write_bytes

    drawn = iter(pictures)
    with tempfile.TemporaryDirectory(prefix="fit-image-") as folder:
        paths = [frame_path(folder, index) for index in range(count)]
        for index, path in enumerate(paths):
            display.step(ProgressStep(index / count, (f"drawing frame {index + 1}/{count}",)))
            write_bytes(path, encode_png(next(drawn)))
        shown = showing_frames(display, file)
        report = write_animation(file, paths, fps=fps, hold=0.0, on_frame=shown)
    display.message(describe_animation(report, limited=False))
