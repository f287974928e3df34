"""Making animations, and saying so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from fit_image.cli.common.display import Display, Step, describe_animation


def showing_frames(display: Display, file: Path) -> Callable[[int, int], None]:
    """Return a callback that shows how many frames of an animation are done."""

    def show(done: int, total: int) -> None:
        display.step(Step(done / total, (f"making {file.name}", f"frame {done}/{total}")))

    return show


def animate_frames(
    file: Path, frames: Sequence[Path], display: Display, *, fps: float, hold: float = 1.0
) -> None:
    """Make an animation of frames, and say what became of it.

    ``hold`` are the seconds that the last frame stays.
    """
    from fit_image.animation.writers import write_animation

    shown = showing_frames(display, file)
    report = write_animation(file, frames, fps=fps, hold=hold, on_frame=shown)
    display.message(describe_animation(report))
